import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import type { NameOf } from "../wasm/opcodes.ts";
import { borderedImage, borderedImageBytes, emitBorderedImage, isRegular, widenBytes } from "./bordered_image.ts";
import { emitDense } from "./dense_generator.ts";
import { type DenseArithmetic, type DenseGenerator, type DenseTile, tilePixels } from "./dense_layout.ts";
import { packDense } from "./dense_packing.ts";
import { integerEpilogue } from "./integer_epilogue.ts";
import { convolutionParameters } from "./sum_epilogue.ts";

/**
 * Two int16 products a lane, added to int32: i32x4.dot_i16x8_s, the strict form. Exact, since a pair of products of an
 * int8 weight and a uint8 activation stays far under 2^31, and sums wrap as int32 sums do.
 */
function dotArithmetic(weightBytes: 1 | 2): DenseArithmetic {
  const loadWeights: NameOf<"memory"> = weightBytes === 1 ? "v128.load8x8_s" : "v128.load";
  return {
    elementBytes: 2,
    elementsPerStep: 2,
    loadWeights,
    weightVectorBytes: 8 * weightBytes,
    multiply: "i32x4.dot_i16x8_s",
    add: "i32x4.add",
    setWeight: (view, position, weight) => {
      if (weightBytes === 1) view.setInt8(position, weight);
      else view.setInt16(position, weight, true);
    },
  };
}

/** Of weights that are stored as int16. */
export const INT16_DOT: DenseArithmetic = dotArithmetic(2);

interface Variant {
  readonly tile: DenseTile;
  /** Bytes of a stored weight. One byte is widened at each use. */
  readonly weightBytes: 1 | 2;
  supports(problem: AnyConvolutionProblem): boolean;
}

const VARIANTS: readonly Variant[] = [
  {
    // Matrix times vector uses each weight once: past the second cache level, memory is the limit and bytes count.
    tile: { outputs: 16, accumulators: 4 },
    weightBytes: 1,
    supports: ({ window: { outputHeight, outputWidth }, weights }) =>
      outputHeight * outputWidth === 1 && weights.length >= 2 ** 21,
  },
  { tile: { outputs: 16, accumulators: 9 }, weightBytes: 2, supports: () => true },
];

/** Dense and grouped convolutions, and so matrix products, of uint8 activations and int8 weights. */
export const CONVOLUTION_KERNELS: readonly WasmKernel<AnyConvolutionProblem>[] = VARIANTS.map(convolutionKernel);

function convolutionKernel({ tile, weightBytes, supports }: Variant): WasmKernel<AnyConvolutionProblem> {
  const name = `qu8_qs8c_conv_${tile.outputs}x${tilePixels(tile, tile.outputs)}__wasmsimd`;
  const arithmetic = dotArithmetic(weightBytes);

  function generatorOf(problem: AnyConvolutionProblem): DenseGenerator {
    const image = borderedImage(problem.window);
    return { shape: problem, image, tile, arithmetic, epilogue: integerEpilogue(problem) };
  }

  return {
    name,
    kind: "convolution",
    supports: (problem) => isRegular(problem.window) && supports(problem),
    pack: (problem) => packDense(generatorOf(problem), problem.weights),
    scratchBytes: (problem) =>
      borderedImageBytes(borderedImage(problem.window), problem.inputChannels, widenBytes(problem.inputZeroPoint)),
    emit: (problem, module) =>
      module.addFunction(name, { parameters: convolutionParameters(problem) }, (f) => {
        const [constants, scratch, output, input] = f.parameters;
        const generator = generatorOf(problem);
        const codec = widenBytes(problem.inputZeroPoint);
        emitBorderedImage(f, generator.image, problem.inputChannels, codec, input, scratch);
        emitDense(f, generator, constants, scratch, output);
      }),
  };
}
