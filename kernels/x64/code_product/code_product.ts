import type { CodeProductProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { foldedRow } from "../../code_product/folded_rows.ts";
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

/** Outputs of a block, a 32-bit lane each. */
const LANES = 16;
const VECTOR_BYTES = 64;
/** Inputs of a step: in a vector of codes bit j of byte p of lane o is that of input 4 j + p and output o. */
const STEP_INPUTS = 32;
const BITS = 8;
const STEPS_UNROLLED = 4;
/** Inputs of which 2^7 times the sum of int8 stays an int32. */
const INPUTS_MAX = 2 ** 17;
/** Activations are taken as int8: q - 128. */
const OFFSET = 128;

/** The constants begin with words: a mask of each bit of all bytes, ones as bytes, the sign bits of bytes. */
const MASKS = 0;
const ONES = 4 * BITS;
const SIGNS = ONES + 4;
const HEADER_BYTES = 64;

/** Byte positions within the constants of a block of outputs. */
function blockLayout({ inputs, bits, output }: CodeProductProblem) {
  const steps = Math.ceil(inputs / STEP_INPUTS);
  const constant = 0;
  const negatedSum = VECTOR_BYTES;
  const multipliers = 2 * VECTOR_BYTES;
  const codes = multipliers + bits * VECTOR_BYTES;
  const parameters = codes + bits * steps * VECTOR_BYTES;
  const limits = parameters + (output === undefined ? 0 : CHANNEL_BYTES);
  const bytes = limits + (output === undefined ? 0 : LIMITS_BYTES);
  return { steps, constant, negatedSum, multipliers, codes, parameters, limits, bytes };
}

/** Scratch: the activations as int8 in whole vectors, then sixteen partial sums of them. */
function scratchLayout({ inputs }: CodeProductProblem) {
  const sums = Math.ceil(inputs / VECTOR_BYTES) * VECTOR_BYTES;
  return { sums, bytes: sums + VECTOR_BYTES };
}

function pack(problem: CodeProductProblem): Uint8Array {
  const { inputs, outputs, bits, codes, output } = problem;
  const layout = blockLayout(problem);
  const bytes = new Uint8Array(HEADER_BYTES + Math.ceil(outputs / LANES) * layout.bytes);
  const view = new DataView(bytes.buffer);
  for (let j = 0; j < BITS; j++) bytes.fill(1 << j, MASKS + 4 * j, MASKS + 4 * (j + 1));
  bytes.fill(1, ONES, ONES + 4).fill(0x80, SIGNS, SIGNS + 4);
  const rowBytes = Math.ceil(inputs / 8);
  for (let o = 0; o < outputs; o++) {
    const lane = o % LANES;
    const start = HEADER_BYTES + Math.floor(o / LANES) * layout.bytes;
    const row = foldedRow(problem, o, OFFSET);
    view.setInt32(start + layout.constant + 4 * lane, row.constant, true);
    view.setInt32(start + layout.negatedSum + 4 * lane, row.negatedSum, true);
    row.multipliers.forEach((m, plane) => {
      view.setInt32(start + layout.multipliers + plane * VECTOR_BYTES + 4 * lane, m, true);
      const source = (o * bits + plane) * rowBytes;
      const target = start + layout.codes + plane * layout.steps * VECTOR_BYTES + 4 * lane;
      packRow(bytes, target, codes.subarray(source, source + rowBytes));
    });
    if (output === undefined) continue;
    writeChannel(view, start + layout.parameters, lane, output.multipliers[o], output.shifts[o]);
    writeLimits(view, start + layout.limits, output);
  }
  return bytes;
}

/** Writes the bits of one row and plane, a word in each of the vectors of its steps. */
function packRow(bytes: Uint8Array, target: number, plane: Uint8Array): void {
  plane.forEach((byte, i) => {
    // Inputs 8 i .. 8 i + 7 are bits 2 i' and 2 i' + 1, i' = i % 4, of the four bytes of a word.
    const word = target + VECTOR_BYTES * (i >> 2);
    for (let p = 0; p < 4; p++) {
      bytes[word + p] |= (byte >> p & 1) << 2 * (i & 3) | (byte >> p + 4 & 1) << 2 * (i & 3) + 1;
    }
  });
}

const registers = (first: number, count: number): VectorRegister[] =>
  Array.from({ length: count }, (_, i) => zmm(first + i));
const SUMS = registers(0, BITS);
const SET_BITS = registers(8, BITS);
const BIT_MASKS = registers(16, BITS);
const CODES = zmm(24);
const TOTAL = zmm(25);
const ACTIVATION_SUM = zmm(26);
const TEMPORARY = zmm(27);
/** The mask of the activations of a last vector. */
const INPUT_TAIL = k(3);

function emitZero(f: KernelFunction, register: VectorRegister): void {
  f.code.emit("vpxord", register, register, register);
}

/** Writes the activations of a position as int8 to scratch, and leaves their sum in every lane of `ACTIVATION_SUM`. */
function emitActivations(f: KernelFunction, problem: CodeProductProblem, input: Pointer): void {
  const { inputs } = problem;
  const { constants, scratch } = f;
  const { sums } = scratchLayout(problem);
  const [q, ones, signs, target] = [TEMPORARY, CODES, TOTAL, f.take()];
  f.code.emit("vpbroadcastd", ones, memory(constants, ONES)).emit("vpbroadcastd", signs, memory(constants, SIGNS));
  emitZero(f, ACTIVATION_SUM);
  f.set(target, scratch);
  const vector = (bytes: number): void => {
    f.code.emit("vmovdqu8", bytes < VECTOR_BYTES ? zeroed(q, INPUT_TAIL) : q, memory(input));
    f.code.emit("vpdpbusd", ACTIVATION_SUM, q, ones).emit("vpxord", q, q, signs);
    f.code.emit("vmovdqu8", memory(target), q);
    f.advance(input, bytes).advance(target, VECTOR_BYTES);
  };
  f.repeat(Math.floor(inputs / VECTOR_BYTES), () => vector(VECTOR_BYTES));
  if (inputs % VECTOR_BYTES > 0) vector(inputs % VECTOR_BYTES);
  f.free(target);
  f.code.emit("vmovdqu32", memory(scratch, sums), ACTIVATION_SUM);
  emitZero(f, ACTIVATION_SUM);
  for (let lane = 0; lane < LANES; lane++) {
    f.code.emit("vpaddd", ACTIVATION_SUM, ACTIVATION_SUM, broadcast(memory(scratch, sums + 4 * lane)));
  }
}

/**
 * The sums over the set bits of one plane, in `SUMS[0]`: bit j of the codes as a byte 0 or 2^j times the activations, so
 * that each bit has sums of its own, 2^j times too large.
 */
function emitPlane(f: KernelFunction, steps: number, codes: Pointer, activations: Pointer): void {
  for (const sum of SUMS) emitZero(f, sum);
  const step = (i: number): void => {
    f.code.emit("vmovdqu32", CODES, memory(codes, VECTOR_BYTES * i));
    SUMS.forEach((sum, j) => {
      f.code.emit("vpandd", SET_BITS[j], CODES, BIT_MASKS[j]);
      f.code.emit("vpdpbusd", sum, SET_BITS[j], broadcast(memory(activations, STEP_INPUTS * i + 4 * j)));
    });
  };
  const several = (count: number): void => {
    for (let i = 0; i < count; i++) step(i);
    f.advance(codes, VECTOR_BYTES * count).advance(activations, STEP_INPUTS * count);
  };
  f.set(activations, f.scratch);
  f.repeat(Math.floor(steps / STEPS_UNROLLED), () => several(STEPS_UNROLLED));
  several(steps % STEPS_UNROLLED);
  SUMS.slice(1).forEach((sum, i) => f.code.emit("vpsrad", sum, sum, i + 1));
  for (let half = BITS / 2; half >= 1; half /= 2) {
    for (let j = 0; j < half; j++) f.code.emit("vpaddd", SUMS[j], SUMS[j], SUMS[j + half]);
  }
}

function generate(problem: CodeProductProblem): Uint8Array {
  const { positions, inputs, outputs, bits, output } = problem;
  const layout = blockLayout(problem);
  const dtype = output?.dtype ?? "i32";
  const f = new KernelFunction(1);
  const { constants, output: out, inputs: [input] } = f;
  const [block, codes, activations] = [f.take(), f.take(), f.take()];
  const emitBlock = (lanes: number): void => {
    f.code.emit("vpmulld", TOTAL, ACTIVATION_SUM, memory(block, layout.negatedSum));
    f.code.emit("vpaddd", TOTAL, TOTAL, memory(block, layout.constant));
    f.set(codes, block).advance(codes, layout.codes);
    for (let plane = 0; plane < bits; plane++) {
      emitPlane(f, layout.steps, codes, activations);
      f.code.emit("vpmulld", SUMS[0], SUMS[0], memory(block, layout.multipliers + VECTOR_BYTES * plane));
      f.code.emit("vpaddd", TOTAL, TOTAL, SUMS[0]);
    }
    if (output !== undefined) emitChannels(f, TOTAL, TEMPORARY, block, layout.parameters, layout.limits);
    emitStore(f, TOTAL, dtype, lanes, out, 0);
    f.advance(out, lanes * bytesOf(dtype)).advance(block, layout.bytes);
  };
  emitTailMask(f, outputs);
  if (inputs % VECTOR_BYTES > 0) f.firstElements(INPUT_TAIL, inputs % VECTOR_BYTES);
  BIT_MASKS.forEach((mask, j) => f.code.emit("vpbroadcastd", mask, memory(constants, MASKS + 4 * j)));
  f.repeat(positions, () => {
    emitActivations(f, problem, input);
    f.set(block, constants).advance(block, HEADER_BYTES);
    f.repeat(Math.floor(outputs / LANES), () => emitBlock(LANES));
    if (outputs % LANES > 0) emitBlock(outputs % LANES);
  });
  return f.finish();
}

/** Products of uint8 vectors by matrices of binary codes, which are read as bits and never unpacked in memory. */
export const CODE_PRODUCT_KERNELS: readonly NativeKernel<CodeProductProblem>[] = [{
  target: "x64",
  name: `qu8_qbc_product_${LANES}x1__avx512vnni`,
  kind: "code_product",
  supports: ({ positions, inputs, outputs }) => positions > 0 && outputs > 0 && inputs > 0 && inputs <= INPUTS_MAX,
  pack,
  scratchBytes: (problem) => scratchLayout(problem).bytes,
  generate,
}];
