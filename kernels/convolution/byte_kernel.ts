import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import { readsPadding } from "../../lib/tensor/window.ts";
import type { WasmKernel } from "../kernel.ts";
import { hasRelaxedVectors } from "../wasm/relaxed_vectors.ts";
import { activationSumsBytes, emitActivationSums } from "./activation_sums.ts";
import {
  borderedImage,
  borderedImageBytes,
  centerBytes,
  copyBytes,
  emitBorderedImage,
  type ImageCodec,
  isRegular,
} from "./bordered_image.ts";
import { packCorrections } from "./corrections.ts";
import { emitDense } from "./dense_generator.ts";
import {
  type ByteSums,
  type DenseArithmetic,
  type DenseGenerator,
  denseSum,
  type DenseTile,
  tilePixels,
} from "./dense_layout.ts";
import { denseBlocks, packDense } from "./dense_packing.ts";
import type { Epilogue } from "./epilogue.ts";
import { integerEpilogue } from "./integer_epilogue.ts";
import { convolutionParameters } from "./sum_epilogue.ts";
import { chooseSegments, ELEMENTS_PER_STEP } from "./segments.ts";

/**
 * Pairs of byte products a lane, summed to int16: i16x8.relaxed_dot_i8x16_i7x16_s, on x86-64 one instruction of 16
 * products. Its first operand is signed; the second gives the same bits on every processor while it lies in 0 .. 127.
 * Sums stay int16 within segments.
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

const SEVEN_BITS = 127;

/** The operands of the products of one problem. */
interface ByteOperands {
  readonly weights: Int8Array;
  /** How much larger they are than the problem's weights. */
  readonly excess: number;
  /** How much smaller the activations are than the problem's, and their largest magnitude. */
  readonly center: number;
  readonly activationMagnitude: number;
}

/** Which operand has 7 bits. */
interface Form {
  readonly name: string;
  readonly sevenBits: ByteSums["sevenBits"];
  readonly codec: (zeroPoint: number) => ImageCodec;
  /** Undefined where the operands do not fit. */
  operands(problem: AnyConvolutionProblem): ByteOperands | undefined;
}

const FORMS: readonly Form[] = [
  {
    name: "qu7_qs8c",
    sevenBits: "activations",
    codec: copyBytes,
    operands: ({ window, weights, inputHigh, inputZeroPoint }) => {
      const activationMagnitude = readsPadding(window) ? Math.max(inputHigh, inputZeroPoint) : inputHigh;
      return activationMagnitude > SEVEN_BITS ? undefined : { weights, excess: 0, center: 0, activationMagnitude };
    },
  },
  {
    // sum w a = sum (w + e) (a - 128) + 128 sum w - e sum (a - 128): the second sum is part of the bias, the third one
    // the same for all outputs.
    name: "qu8_qs7c",
    sevenBits: "weights",
    codec: centerBytes,
    operands: ({ weights }) => {
      let least = 0;
      let most = 0;
      for (let i = 0; i < weights.length; i++) {
        if (weights[i] < least) least = weights[i];
        else if (weights[i] > most) most = weights[i];
        if (most - least > SEVEN_BITS) return undefined;
      }
      const shifted = new Int8Array(weights.length);
      for (let i = 0; i < weights.length; i++) shifted[i] = weights[i] - least;
      return { weights: shifted, excess: -least, center: 128, activationMagnitude: 128 };
    },
  },
];

const TILE: DenseTile = { outputs: 16, accumulators: 8 };

interface ByteGenerator extends DenseGenerator {
  readonly bytes: ByteSums;
  readonly operands: ByteOperands;
}

/** Dense and grouped convolutions of uint8 activations and int8 weights, where one of the two has 7 bits or less. */
export const BYTE_CONVOLUTION_KERNELS: readonly WasmKernel<AnyConvolutionProblem>[] = FORMS.map(byteConvolutionKernel);

function byteConvolutionKernel(form: Form): WasmKernel<AnyConvolutionProblem> {
  const name = `${form.name}_conv_${TILE.outputs}x${tilePixels(TILE, TILE.outputs)}__wasmrelaxed`;
  const makeGenerator = (problem: AnyConvolutionProblem): ByteGenerator | undefined => {
    const operands = form.operands(problem);
    if (operands === undefined) return undefined;
    const image = borderedImage(problem.window);
    const sum = denseSum(problem, image, BYTE_DOT);
    const segments = chooseSegments(problem, TILE, sum, operands.weights, operands.activationMagnitude);
    return {
      shape: problem,
      image,
      tile: TILE,
      arithmetic: BYTE_DOT,
      epilogue: centeredEpilogue(problem, operands),
      bytes: { segments, sevenBits: form.sevenBits },
      operands,
    };
  };
  // Choosing segments reads all weights several times.
  const generators = new WeakMap<AnyConvolutionProblem, ByteGenerator | undefined>();
  const generatorOf = (problem: AnyConvolutionProblem): ByteGenerator | undefined => {
    if (!generators.has(problem)) generators.set(problem, makeGenerator(problem));
    return generators.get(problem);
  };
  const required = (problem: AnyConvolutionProblem): ByteGenerator => {
    const generator = generatorOf(problem);
    if (generator === undefined) throw new RangeError(`${name} does not support the problem`);
    return generator;
  };
  /** Where the input is read in place there is no image in scratch. */
  const readsInPlace = ({ window }: AnyConvolutionProblem, { operands: { center } }: ByteGenerator): boolean =>
    center === 0 && !readsPadding(window);
  const imageBytes = (problem: AnyConvolutionProblem, generator: ByteGenerator): number => {
    if (readsInPlace(problem, generator)) return 0;
    const bytes = borderedImageBytes(generator.image, problem.inputChannels, form.codec(problem.inputZeroPoint));
    return Math.ceil(bytes / 16) * 16;
  };

  return {
    name,
    kind: "convolution",
    supports: (problem) => isRegular(problem.window) && hasRelaxedVectors() && generatorOf(problem) !== undefined,
    pack: (problem) => packBytes(required(problem)),
    scratchBytes: (problem) => {
      const generator = required(problem);
      const sums = generator.operands.excess === 0 ? 0 : activationSumsBytes(generator);
      return imageBytes(problem, generator) + sums;
    },
    emit: (problem, module) =>
      module.addFunction(name, { parameters: convolutionParameters(problem) }, (f) => {
        const [constants, scratch, output, input] = f.parameters;
        const generator = required(problem);
        const codec = form.codec(problem.inputZeroPoint);
        const source = readsInPlace(problem, generator) ? input : scratch;
        if (source === scratch) emitBorderedImage(f, generator.image, problem.inputChannels, codec, input, scratch);
        const { excess } = generator.operands;
        if (excess === 0) return emitDense(f, generator, constants, source, output);
        const sums = f.local("i32");
        f.get(scratch).i32(imageBytes(problem, generator)).op("i32.add").set(sums);
        emitActivationSums(f, generator, excess, source, sums);
        emitDense(f, generator, constants, source, output, sums);
      }),
  };
}

/** The epilogue of a convolution of activations `center` smaller than they are: center * sum w is part of the bias. */
function centeredEpilogue(problem: AnyConvolutionProblem, { center }: ByteOperands): Epilogue {
  const epilogue = integerEpilogue(problem);
  if (center === 0) return epilogue;
  const { weights, outputChannels } = problem;
  const perChannel = weights.length / outputChannels;
  return {
    ...epilogue,
    writeBias: (view, position, channel) => {
      epilogue.writeBias(view, position, channel);
      let sum = 0;
      for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) sum += weights[i];
      view.setInt32(position, view.getInt32(position, true) + center * sum, true);
    },
  };
}

function packBytes(generator: ByteGenerator): Uint8Array {
  const { operands: { weights }, bytes: { segments: { corrections } } } = generator;
  if (corrections.length === 0) return packDense(generator, weights);
  const kept = weights.slice();
  for (const position of corrections) kept[position] = 0;
  const blocks = packDense(generator, kept);
  const sum = denseSum(generator.shape, generator.image, BYTE_DOT);
  const apart = packCorrections(denseBlocks(generator), sum, weights, corrections);
  const constants = new Uint8Array(blocks.length + apart.length);
  constants.set(blocks);
  constants.set(apart, blocks.length);
  return constants;
}
