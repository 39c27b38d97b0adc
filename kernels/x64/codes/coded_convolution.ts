import { unpackPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { KernelFunction } from "../kernel_function.ts";
import { codedProduct } from "../../convolution/coded_product.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import {
  CHANNEL_BYTES,
  emitChannels,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  writeChannel,
  writeLimits,
} from "../requantization.ts";
import { type CodedShape, codeLayout, packCodedRow, ROWS, VECTOR_BYTES } from "./code_layout.ts";
import { CODE_CONSTANT_BYTES, CODE_FEATURES, emitCodedSums, emitColumnMask, writeCodeConstants } from "./coded_sums.ts";

function shapeOf({ inputChannels, codes }: ConvolutionProblem): CodedShape {
  return { bits: codes!.bits, columns: inputChannels };
}

/** Byte positions of a block of sixteen outputs: codes, biases, requantization. */
function blockLayout(problem: ConvolutionProblem) {
  const bias = codeLayout(shapeOf(problem)).bytes;
  const parameters = bias + VECTOR_BYTES;
  const limits = parameters + (problem.output === undefined ? 0 : CHANNEL_BYTES);
  const bytes = limits + (problem.output === undefined ? 0 : LIMITS_BYTES);
  return { bias, parameters, limits, bytes };
}

function pack(problem: ConvolutionProblem): Uint8Array {
  const { outputChannels, inputChannels, inputZeroPoint, weights, bias, output } = problem;
  const codes = problem.codes!;
  const shape = shapeOf(problem);
  const layout = blockLayout(problem);
  const bytes = new Uint8Array(CODE_CONSTANT_BYTES + Math.ceil(outputChannels / ROWS) * layout.bytes);
  const view = new DataView(bytes.buffer);
  writeCodeConstants(view, 0, shape.bits);
  const elements = unpackPlanes(codes.planes, outputChannels, inputChannels, shape.bits);
  for (let o = 0; o < outputChannels; o++) {
    const lane = o % ROWS;
    const start = CODE_CONSTANT_BYTES + Math.floor(o / ROWS) * layout.bytes;
    const [first, end] = [o * inputChannels, (o + 1) * inputChannels];
    const multipliers = codes.multipliers.subarray(o * shape.bits, (o + 1) * shape.bits);
    packCodedRow(bytes.subarray(start, start + layout.bias), lane, shape, elements.subarray(first, end), multipliers);
    let sum = 0;
    for (let i = first; i < end; i++) sum += weights[i];
    view.setInt32(start + layout.bias + 4 * lane, bias[o] - inputZeroPoint * sum, true); // modulo 2^32 as the sums
    if (output === undefined) continue;
    writeChannel(view, start + layout.parameters, lane, output.multipliers[o], output.shifts[o]);
    writeLimits(view, start + layout.limits, output);
  }
  return bytes;
}

function generate(problem: ConvolutionProblem): Uint8Array {
  const { window: { outputHeight, outputWidth }, inputChannels, outputChannels, output } = problem;
  const shape = shapeOf(problem);
  const layout = blockLayout(problem);
  const dtype = output?.dtype ?? "i32";
  const f = new KernelFunction(1);
  const { constants, output: out, inputs: [input] } = f;
  const block = f.take();
  const emitBlock = (lanes: number): void => {
    const sums = emitCodedSums(f, shape, 0, block, input);
    f.code.emit("vpaddd", sums, sums, memory(block));
    if (output !== undefined) {
      emitChannels(f, sums, zmm(31), block, layout.parameters - layout.bias, layout.limits - layout.bias);
    }
    emitStore(f, sums, dtype, lanes, out, 0);
    f.advance(out, lanes * bytesOf(dtype)).advance(block, layout.bytes - layout.bias);
  };
  emitTailMask(f, outputChannels);
  emitColumnMask(f, inputChannels);
  f.repeat(outputHeight * outputWidth, () => {
    f.set(block, constants).advance(block, CODE_CONSTANT_BYTES);
    f.repeat(Math.floor(outputChannels / ROWS), () => emitBlock(ROWS));
    if (outputChannels % ROWS > 0) emitBlock(outputChannels % ROWS);
    f.advance(input, inputChannels);
  });
  return f.finish();
}

/** Products of vectors by matrices of binary codes: int8 weights are looked up by codes, in registers. */
export const CODED_CONVOLUTION_KERNELS: readonly NativeKernel<ConvolutionProblem>[] = [{
  target: "x64",
  name: `qu8_qbc_conv_${ROWS}x1__avx512vbmi`,
  kind: "convolution",
  features: CODE_FEATURES,
  supports: (problem) => codedProduct(problem) !== undefined,
  isFaster,
  pack,
  scratchBytes: () => 0,
  generate,
}];

/** Fewer weights than these lie in the second cache level, from where int8 weights are read as fast. */
export const LEAST_CODED_WEIGHTS = 2 ** 16;

/**
 * Whether reading codes is faster than reading int8 weights. By measurement (`deno task bench:gemv`): 1.1 times from
 * 2^16 weights on, 1.5 to 2 times from the third cache level, 1.7 to 5 times from memory; two vectors at once are 1.2 to 1.6
 * times as fast with int8 weights, which are looked up for each of them here.
 */
function isFaster(problem: ConvolutionProblem): boolean {
  return codedProduct(problem)!.positions === 1 && problem.weights.length >= LEAST_CODED_WEIGHTS;
}
