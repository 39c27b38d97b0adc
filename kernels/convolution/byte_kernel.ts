import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import type { WasmKernel } from "../kernel.ts";
import { hasRelaxedVectors } from "../wasm/relaxed_vectors.ts";
import { borderedImage, borderedImageBytes, copyBytes, emitBorderedImage, isRegular } from "./bordered_image.ts";
import { packCorrections } from "./corrections.ts";
import { emitDense } from "./dense_generator.ts";
import { type DenseArithmetic, type DenseGenerator, denseSum, type DenseTile, tilePixels } from "./dense_layout.ts";
import { denseBlocks, packDense } from "./dense_packing.ts";
import { integerEpilogue } from "./integer_epilogue.ts";
import { chooseSegments, ELEMENTS_PER_STEP, type Segments } from "./segments.ts";

/** The second operand of i16x8.relaxed_dot_i8x16_i7x16_s gives the same bits on every processor while it has 7 bits. */
const INPUT_HIGH = 127;

/**
 * Pairs of byte products a lane, summed to int16: i16x8.relaxed_dot_i8x16_i7x16_s, one instruction of 16 products on
 * x86-64. Sums stay int16 within segments.
 */
const BYTE_DOT: DenseArithmetic = {
  elementBytes: 1,
  elementsPerStep: ELEMENTS_PER_STEP,
  loadWeights: "v128.load",
  weightVectorBytes: 16,
  multiply: "i16x8.relaxed_dot_i8x16_i7x16_s",
  add: "i16x8.add",
  setWeight: (view, position, weight) => view.setInt8(position, weight),
};

const TILE: DenseTile = { outputs: 16, accumulators: 8 };
const NAME = `qu7_qs8c_conv_${TILE.outputs}x${tilePixels(TILE, TILE.outputs)}__wasmrelaxed`;

/** Choosing segments reads all weights several times. */
const segmentsOf = new WeakMap<ConvolutionProblem, Segments>();

function generatorOf(problem: ConvolutionProblem): DenseGenerator & { readonly segments: Segments } {
  const image = borderedImage(problem.window);
  let segments = segmentsOf.get(problem);
  if (segments === undefined) {
    const sum = denseSum(problem, image, BYTE_DOT);
    segments = chooseSegments(problem, TILE, sum, problem.weights, activationHigh(problem));
    segmentsOf.set(problem, segments);
  }
  return { shape: problem, image, tile: TILE, arithmetic: BYTE_DOT, epilogue: integerEpilogue(problem), segments };
}

/** The largest activation that the taps read, padding among them. */
function activationHigh({ window, inputHigh, inputZeroPoint }: ConvolutionProblem): number {
  return readsPadding(window) ? Math.max(inputHigh, inputZeroPoint) : inputHigh;
}

function pack(problem: ConvolutionProblem): Uint8Array {
  const generator = generatorOf(problem);
  const { corrections } = generator.segments;
  if (corrections.length === 0) return packDense(generator, problem.weights);
  const weights = problem.weights.slice();
  for (const position of corrections) weights[position] = 0;
  const blocks = packDense(generator, weights);
  const sum = denseSum(problem, generator.image, BYTE_DOT);
  const apart = packCorrections(denseBlocks(generator), sum, problem.weights, corrections);
  const constants = new Uint8Array(blocks.length + apart.length);
  constants.set(blocks);
  constants.set(apart, blocks.length);
  return constants;
}

const BYTE_CONVOLUTION: WasmKernel<ConvolutionProblem> = {
  name: NAME,
  kind: "convolution",
  supports: (problem) => activationHigh(problem) <= INPUT_HIGH && isRegular(problem.window) && hasRelaxedVectors(),
  pack,
  scratchBytes: ({ window, inputChannels, inputZeroPoint }) =>
    readsPadding(window) ? borderedImageBytes(borderedImage(window), inputChannels, copyBytes(inputZeroPoint)) : 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => {
      const [constants, scratch, output, input] = f.parameters;
      const generator = generatorOf(problem);
      const padded = readsPadding(problem.window);
      const codec = copyBytes(problem.inputZeroPoint);
      if (padded) emitBorderedImage(f, generator.image, problem.inputChannels, codec, input, scratch);
      emitDense(f, generator, constants, padded ? scratch : input, output);
    }),
};

/** Dense and grouped convolutions of uint8 activations up to 127 and int8 weights. */
export const BYTE_CONVOLUTION_KERNELS: readonly WasmKernel<ConvolutionProblem>[] = [BYTE_CONVOLUTION];
