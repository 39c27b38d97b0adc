import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { codedProduct } from "../../convolution/coded_product.ts";
import type { CpuFeature } from "../cpu_features.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { broadcast, k, memory, type VectorRegister, zeroed, zmm } from "../operands.ts";
import {
  CHANNEL_BYTES,
  emitChannels,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  writeChannel,
  writeLimits,
} from "../requantization.ts";
import { PIECE_COLUMNS, QUAD, ROWS, VECTOR_BYTES } from "./code_layout.ts";
import { emitColumnMask, emitQuadSum, emitRowSums } from "./coded_sums.ts";

/**
 * Sums of codes b = +-1 and activations q of few bits from their planes B_k and A_j (Xu et al., arXiv 1802.00150, section 4):
 *
 *     acc[o] = sum over k of 2 m[o, k] * (sum over j of 2^j popcount(B_k & A_j)) - (sum over k of m[o, k]) * (sum of q)
 *              + bias[o] - Z * (sum of w[o, i])
 */
const VECTOR_COLUMNS = 8 * VECTOR_BYTES;
const PIECES = VECTOR_COLUMNS / PIECE_COLUMNS;
/** Bits of activations: with 4 of codes their sums fill sixteen registers. */
const ACTIVATION_BITS_MAX = 4;

const FEATURES: readonly CpuFeature[] = [
  "avx512f",
  "avx512dq",
  "avx512bw",
  "avx512vl",
  "avx512_vnni",
  "avx512_vpopcntdq",
];

/** Bits of codes and of activations, and vectors of a plane of columns. */
function formOf({ codes, inputHigh, inputChannels }: ConvolutionProblem) {
  const activationBits = 32 - Math.clz32(inputHigh);
  return { bits: codes!.bits, activationBits, vectors: Math.ceil(inputChannels / VECTOR_COLUMNS) };
}

/** Constants begin with words: ones as bytes, then the bit of each plane of activations in every byte. */
const ONES = 0;
const BITS = 4;
const HEADER_BYTES = VECTOR_BYTES;

/** Byte positions of a block of sixteen outputs: planes vector by vector, 2 m, - sum of m, biases, requantization. */
function blockLayout(problem: ConvolutionProblem) {
  const { bits, vectors } = formOf(problem);
  const multipliers = ROWS * vectors * bits * VECTOR_BYTES;
  const negatedSums = multipliers + ROWS * bits * 4;
  const bias = negatedSums + VECTOR_BYTES;
  const parameters = bias + VECTOR_BYTES;
  const limits = parameters + (problem.output === undefined ? 0 : CHANNEL_BYTES);
  const bytes = limits + (problem.output === undefined ? 0 : LIMITS_BYTES);
  return { multipliers, negatedSums, bias, parameters, limits, bytes };
}

/** Scratch: planes of a position, vector by vector, then partial sums of its activations. */
function sumsPosition(problem: ConvolutionProblem): number {
  const { activationBits, vectors } = formOf(problem);
  return activationBits * vectors * VECTOR_BYTES;
}

function pack(problem: ConvolutionProblem): Uint8Array {
  const { outputChannels, inputChannels, inputZeroPoint, weights, bias, output } = problem;
  const { planes, multipliers } = problem.codes!;
  const { bits, activationBits, vectors } = formOf(problem);
  const layout = blockLayout(problem);
  const bytes = new Uint8Array(HEADER_BYTES + Math.ceil(outputChannels / ROWS) * layout.bytes);
  const view = new DataView(bytes.buffer);
  bytes.fill(1, ONES, ONES + 4);
  for (let j = 0; j < activationBits; j++) bytes.fill(1 << j, BITS + 4 * j, BITS + 4 * (j + 1));
  const planeBytes = Math.ceil(inputChannels / 8);
  for (let o = 0; o < outputChannels; o++) {
    const lane = o % ROWS;
    const start = HEADER_BYTES + Math.floor(o / ROWS) * layout.bytes;
    let multiplierSum = 0;
    for (let plane = 0; plane < bits; plane++) {
      const from = (o * bits + plane) * planeBytes;
      for (let v = 0; v < vectors; v++) {
        const part = planes.subarray(from + v * VECTOR_BYTES, from + Math.min((v + 1) * VECTOR_BYTES, planeBytes));
        bytes.set(part, start + ((lane * vectors + v) * bits + plane) * VECTOR_BYTES);
      }
      const multiplier = multipliers[o * bits + plane];
      view.setInt32(start + layout.multipliers + 4 * (lane * bits + plane), 2 * multiplier, true);
      multiplierSum += multiplier;
    }
    view.setInt32(start + layout.negatedSums + 4 * lane, -multiplierSum, true);
    let sum = 0;
    for (let i = o * inputChannels; i < (o + 1) * inputChannels; i++) sum += weights[i];
    view.setInt32(start + layout.bias + 4 * lane, bias[o] - inputZeroPoint * sum, true); // modulo 2^32 as the sums
    if (output === undefined) continue;
    writeChannel(view, start + layout.parameters, lane, output.multipliers[o], output.shifts[o]);
    writeLimits(view, start + layout.limits, output);
  }
  return bytes;
}

/** Rows' sums are in zmm0 .. zmm7 (`emitQuadSum`, `emitRowSums`), those of planes in the sixteen behind them. */
const FIRST_SUM = 8;
const PLANE = zmm(24);
const SET = zmm(25);
const ACTIVATION_SUM = zmm(26);
const ACTIVATIONS = zmm(27);
const ONE_BYTES = zmm(28);
const COLUMN_TAIL = k(6);
const TESTED = k(7);

function emitZero(f: KernelFunction, register: VectorRegister): void {
  f.code.emit("vpxord", register, register, register);
}

/** Writes planes of the activations of a position to scratch; the sum of them is in every lane of `ACTIVATION_SUM`. */
function emitActivations(f: KernelFunction, problem: ConvolutionProblem, input: Pointer, target: Pointer): void {
  const { inputChannels } = problem;
  const { activationBits } = formOf(problem);
  const bitOf = (j: number): VectorRegister => zmm(FIRST_SUM + j);
  const { constants, scratch } = f;
  f.code.emit("vpbroadcastd", ONE_BYTES, memory(constants, ONES));
  for (let j = 0; j < activationBits; j++) f.code.emit("vpbroadcastd", bitOf(j), memory(constants, BITS + 4 * j));
  emitZero(f, ACTIVATION_SUM);
  f.set(target, scratch);
  const piece = (p: number, isTail: boolean): void => {
    const activations = isTail ? zeroed(ACTIVATIONS, COLUMN_TAIL) : ACTIVATIONS;
    f.code.emit("vmovdqu8", activations, memory(input, PIECE_COLUMNS * p));
    f.code.emit("vpdpbusd", ACTIVATION_SUM, ACTIVATIONS, ONE_BYTES);
    for (let j = 0; j < activationBits; j++) {
      f.code.emit("vptestmb", TESTED, ACTIVATIONS, bitOf(j));
      f.code.emit("kmovq", memory(target, j * VECTOR_BYTES + 8 * p), TESTED);
    }
  };
  f.repeat(Math.floor(inputChannels / VECTOR_COLUMNS), () => {
    for (let p = 0; p < PIECES; p++) piece(p, false);
    f.advance(input, VECTOR_COLUMNS).advance(target, activationBits * VECTOR_BYTES);
  });
  const rest = inputChannels % VECTOR_COLUMNS;
  if (rest > 0) {
    emitZero(f, SET);
    for (let j = 0; j < activationBits; j++) f.code.emit("vmovdqu32", memory(target, j * VECTOR_BYTES), SET);
    for (let p = 0; p < Math.ceil(rest / PIECE_COLUMNS); p++) piece(p, (p + 1) * PIECE_COLUMNS > rest);
    f.advance(input, rest);
  }
  const sums = sumsPosition(problem);
  f.code.emit("vmovdqu32", memory(scratch, sums), ACTIVATION_SUM);
  emitZero(f, ACTIVATION_SUM);
  for (let lane = 0; lane < ROWS; lane++) {
    f.code.emit("vpaddd", ACTIVATION_SUM, ACTIVATION_SUM, broadcast(memory(scratch, sums + 4 * lane)));
  }
}

/** Sixteen partial sums of a row in register `target`; `codes` moves on to the next row. */
function emitRow(
  f: KernelFunction,
  problem: ConvolutionProblem,
  { block, codes, planes }: Readonly<Record<"block" | "codes" | "planes", Pointer>>,
  row: number,
  target: VectorRegister,
): void {
  const { bits, activationBits, vectors } = formOf(problem);
  const { multipliers } = blockLayout(problem);
  const sumOf = (plane: number, j: number): VectorRegister => zmm(FIRST_SUM + plane * activationBits + j);
  for (let s = 0; s < bits * activationBits; s++) emitZero(f, zmm(FIRST_SUM + s));
  f.set(planes, f.scratch);
  f.repeat(vectors, () => {
    for (let plane = 0; plane < bits; plane++) {
      f.code.emit("vmovdqu32", PLANE, memory(codes, plane * VECTOR_BYTES));
      for (let j = 0; j < activationBits; j++) {
        f.code.emit("vpandd", SET, PLANE, memory(planes, j * VECTOR_BYTES)).emit("vpopcntd", SET, SET);
        f.code.emit("vpaddd", sumOf(plane, j), sumOf(plane, j), SET);
      }
    }
    f.advance(codes, bits * VECTOR_BYTES).advance(planes, activationBits * VECTOR_BYTES);
  });
  for (let plane = 0; plane < bits; plane++) {
    for (let j = activationBits - 1; j >= 1; j--) {
      const [sum, lower] = [sumOf(plane, j), sumOf(plane, j - 1)];
      f.code.emit("vpslld", sum, sum, 1).emit("vpaddd", lower, lower, sum);
    }
    const product = plane === 0 ? target : sumOf(plane, 0);
    const multiplier = memory(block, multipliers + 4 * (row * bits + plane));
    f.code.emit("vpmulld", product, sumOf(plane, 0), broadcast(multiplier));
    if (plane > 0) f.code.emit("vpaddd", target, target, product);
  }
}

function generate(problem: ConvolutionProblem): Uint8Array {
  const { window: { outputHeight, outputWidth }, inputChannels, outputChannels, output } = problem;
  const layout = blockLayout(problem);
  const dtype = output?.dtype ?? "i32";
  const f = new KernelFunction(1);
  const { constants, output: out, inputs: [input] } = f;
  const pointers = { block: f.take(), codes: f.take(), planes: f.take() };
  const { block, codes, planes } = pointers;
  const emitBlock = (lanes: number): void => {
    f.set(codes, block);
    for (let quad = 0; quad < ROWS / QUAD; quad++) {
      for (let row = 0; row < QUAD; row++) emitRow(f, problem, pointers, QUAD * quad + row, zmm(row));
      emitQuadSum(f, zmm(QUAD + quad));
    }
    const sums = emitRowSums(f);
    f.code.emit("vpmulld", SET, ACTIVATION_SUM, memory(block, layout.negatedSums)).emit("vpaddd", sums, sums, SET);
    f.code.emit("vpaddd", sums, sums, memory(block, layout.bias));
    if (output !== undefined) emitChannels(f, sums, SET, block, layout.parameters, layout.limits);
    emitStore(f, sums, dtype, lanes, out, 0);
    f.advance(out, lanes * bytesOf(dtype)).advance(block, layout.bytes);
  };
  emitTailMask(f, outputChannels);
  emitColumnMask(f, inputChannels);
  f.repeat(outputHeight * outputWidth, () => {
    emitActivations(f, problem, input, planes);
    f.set(block, constants).advance(block, HEADER_BYTES);
    f.repeat(Math.floor(outputChannels / ROWS), () => emitBlock(ROWS));
    if (outputChannels % ROWS > 0) emitBlock(outputChannels % ROWS);
  });
  return f.finish();
}

/** Products of vectors of at most 4 bits by matrices of binary codes: XNOR and popcount. */
export const POPCOUNT_CONVOLUTION_KERNELS: readonly NativeKernel<ConvolutionProblem>[] = [{
  target: "x64",
  name: `qu4_qbc_conv_${ROWS}x1__avx512popcnt`,
  kind: "convolution",
  features: FEATURES,
  supports: (problem) =>
    codedProduct(problem) !== undefined && problem.inputHigh < 2 ** ACTIVATION_BITS_MAX && problem.inputHigh > 0,
  isFaster,
  pack,
  scratchBytes: (problem) => sumsPosition(problem) + VECTOR_BYTES,
  generate,
}];

/** As of `CODED_CONVOLUTION_KERNELS`, the next ones. */
const LEAST_WEIGHTS = 2 ** 16;
/** The most products of planes, of one vector and of several. */
const PLANES_MAX = { one: 4, several: 2 };
/** Planes are whole vectors: the most that these may be longer than the columns. */
const PADDING_MAX = 1.15;

/** Whether this is faster than all other kernels, by measurement (`tests/bench/popcount.ts`). */
function isFaster(problem: ConvolutionProblem): boolean {
  const { bits, activationBits, vectors } = formOf(problem);
  const { positions, inputs, outputs } = codedProduct(problem)!;
  return bits * activationBits <= (positions === 1 ? PLANES_MAX.one : PLANES_MAX.several) &&
    vectors * VECTOR_COLUMNS <= PADDING_MAX * inputs && inputs * outputs >= LEAST_WEIGHTS;
}
