import { accumulatorBounds } from "../../lib/arith/bounds.ts";
import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { WasmKernel } from "../kernel.ts";
import {
  channelParameterBytes,
  type ChannelPlan,
  emitChannelRequantization,
  planWithin,
  writeChannelParameters,
} from "../requantize/channel_requantization.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { hasRelaxedVectors } from "../wasm/relaxed_vectors.ts";
import { codedProduct } from "./coded_product.ts";

/** Outputs of a block, a byte of a vector each. */
const LANES = 16;
const VECTOR_BYTES = 16;
/** Inputs of a step: bits of inputs 0 .. 3 are the lower half of an output's byte of codes, 4 .. 7 the upper. */
const STEP_INPUTS = 8;
const GROUP_INPUTS = 4;
/** Tables of a step: sums of lower, then of upper halves of activations, for each group of inputs. */
const TABLE_BYTES = 4 * VECTOR_BYTES;
/** Steps whose sums stay bytes: each adds two sums of four values up to 15. */
const BYTE_STEPS = 2;
/** Steps whose sums stay uint16; a multiple of `BYTE_STEPS`. */
const WORD_STEPS = 512;

function planOf(problem: ConvolutionProblem): ChannelPlan {
  return problem.output === undefined
    ? { mode: "accumulators" }
    : planWithin(problem.output, accumulatorBounds(problem));
}

/** Byte positions within the constants of a block of outputs. */
function blockLayout(problem: ConvolutionProblem, plan: ChannelPlan) {
  const { inputs, codes: { bits } } = codedProduct(problem)!;
  const steps = Math.ceil(inputs / STEP_INPUTS);
  const constant = 0;
  const negatedSum = 4 * LANES;
  const multipliers = 2 * 4 * LANES;
  const codes = multipliers + bits * 4 * LANES;
  const parameters = codes + bits * steps * VECTOR_BYTES;
  const bytes = parameters + LANES / 4 * channelParameterBytes(plan);
  return { steps, constant, negatedSum, multipliers, codes, parameters, bytes };
}

/**
 * Code works on sums over the set bits alone of activations q, since b = 2 bit - 1:
 *
 *     acc[o] = sum over k of 2 m[o, k] * (sum over set bits of q) - (sum over k of m[o, k]) * (sum of q) + constant
 */
function pack(problem: ConvolutionProblem): Uint8Array {
  const { outputs, codes: { bits, planes, multipliers } } = codedProduct(problem)!;
  const plan = planOf(problem);
  const layout = blockLayout(problem, plan);
  const bytes = new Uint8Array(Math.ceil(outputs / LANES) * layout.bytes);
  const view = new DataView(bytes.buffer);
  for (let o = 0; o < outputs; o++) {
    const lane = o % LANES;
    const start = Math.floor(o / LANES) * layout.bytes;
    const own = multipliers.subarray(o * bits, (o + 1) * bits);
    view.setInt32(start + layout.constant + 4 * lane, foldedConstant(problem, o), true); // modulo 2^32, as sums are
    view.setInt32(start + layout.negatedSum + 4 * lane, -own.reduce((sum, multiplier) => sum + multiplier, 0), true);
    own.forEach((multiplier, plane) => {
      view.setInt32(start + layout.multipliers + 4 * (LANES * plane + lane), 2 * multiplier, true);
      const source = (o * bits + plane) * layout.steps;
      const target = start + layout.codes + plane * layout.steps * VECTOR_BYTES + lane;
      for (let step = 0; step < layout.steps; step++) bytes[target + VECTOR_BYTES * step] = planes[source + step];
    });
    if (lane % 4 > 0) continue;
    const position = start + layout.parameters + lane / 4 * channelParameterBytes(plan);
    writeChannelParameters(plan, view, position, o, Math.min(4, outputs - o));
  }
  return bytes;
}

/** bias - Z * sum of w */
function foldedConstant({ inputChannels, inputZeroPoint, weights, bias }: ConvolutionProblem, o: number): number {
  const row = weights.subarray(o * inputChannels, (o + 1) * inputChannels);
  return bias[o] - inputZeroPoint * row.reduce((sum, weight) => sum + weight, 0);
}

/** Bytes of a vector with all bits set where the number of the byte has bit `position`. */
function numbersWithBit(position: number): Uint8Array {
  return Uint8Array.from({ length: VECTOR_BYTES }, (_, number) => number >> position & 1 ? 0xff : 0);
}

/**
 * Writes the tables of all inputs of a position, and leaves the sum of its activations in `sum`: entry c of a table is the
 * sum over the set bits p of c of half a byte of activation p. `input` moves on to the next position.
 */
function emitTables(f: FunctionBuilder, inputs: number, input: Local, tables: Local, sum: Local): void {
  const [table, activation] = f.locals("i32", 2);
  const [lower, upper, chosen, half] = f.locals("v128", 4);
  const masks = f.locals("v128", GROUP_INPUTS);
  masks.forEach((mask, p) => f.v128(numbersWithBit(p)).set(mask));
  f.v128(new Uint8Array(16).fill(0x0f)).set(half);
  f.get(tables).set(table).i32(0).set(sum);
  const step = (count: number): void => {
    for (let group = 0; group < STEP_INPUTS / GROUP_INPUTS; group++) {
      f.v128(new Uint8Array(16)).set(lower).v128(new Uint8Array(16)).set(upper);
      masks.forEach((mask, p) => {
        const position = GROUP_INPUTS * group + p;
        if (position >= count) return;
        f.get(input).memory("i32.load8_u", position).tee(activation).op("i8x16.splat").get(mask).op("v128.and").set(
          chosen,
        );
        f.get(sum).get(activation).op("i32.add").set(sum);
        f.get(lower).get(chosen).get(half).op("v128.and", "i8x16.add").set(lower);
        f.get(upper).get(chosen).i32(4).op("i8x16.shr_u", "i8x16.add").set(upper);
      });
      f.get(table).get(lower).memory("v128.store", 2 * VECTOR_BYTES * group);
      f.get(table).get(upper).memory("v128.store", 2 * VECTOR_BYTES * group + VECTOR_BYTES);
    }
    f.advance(input, count).advance(table, TABLE_BYTES);
  };
  f.repeat(Math.floor(inputs / STEP_INPUTS), () => step(STEP_INPUTS));
  if (inputs % STEP_INPUTS > 0) step(inputs % STEP_INPUTS);
}

/** Adds sums over the set bits of one plane to four vectors of int32. `codes` moves on to the next plane. */
function emitPlane(
  f: FunctionBuilder,
  lookup: Lookup,
  steps: number,
  codes: Local,
  tables: Local,
  sums: readonly Local[],
): void {
  const table = f.local("i32");
  const [index, lowerIndex, lower, upper] = f.locals("v128", 4);
  const [lowerWords, upperWords] = [f.locals("v128", 2), f.locals("v128", 2)];
  const bytes = (count: number): void => {
    for (let i = 0; i < count; i++) {
      f.get(codes).memory("v128.load", VECTOR_BYTES * i).set(index);
      f.get(index).v128(new Uint8Array(16).fill(0x0f)).op("v128.and").set(lowerIndex);
      f.get(index).i32(4).op("i8x16.shr_u").set(index);
      [lower, upper].forEach((sum, half) => {
        const at = TABLE_BYTES * i + VECTOR_BYTES * half;
        f.get(table).memory("v128.load", at).get(lowerIndex).op(lookup);
        f.get(table).memory("v128.load", at + 2 * VECTOR_BYTES).get(index).op(lookup, "i8x16.add");
        if (i > 0) f.get(sum).op("i8x16.add");
        f.set(sum);
      });
    }
    ([[lower, lowerWords], [upper, upperWords]] as const).forEach(([sum, words]) => {
      f.get(words[0]).get(sum).op("i16x8.extend_low_i8x16_u", "i16x8.add").set(words[0]);
      f.get(words[1]).get(sum).op("i16x8.extend_high_i8x16_u", "i16x8.add").set(words[1]);
    });
    f.advance(codes, VECTOR_BYTES * count).advance(table, TABLE_BYTES * count);
  };
  const words = (count: number): void => {
    for (const vector of [...lowerWords, ...upperWords]) f.v128(new Uint8Array(16)).set(vector);
    f.repeat(Math.floor(count / BYTE_STEPS), () => bytes(BYTE_STEPS));
    if (count % BYTE_STEPS > 0) bytes(count % BYTE_STEPS);
    sums.forEach((sum, v) => {
      const extend = v % 2 === 0 ? "i32x4.extend_low_i16x8_u" : "i32x4.extend_high_i16x8_u";
      f.get(upperWords[v >> 1]).op(extend).i32(4).op("i32x4.shl");
      f.get(lowerWords[v >> 1]).op(extend, "i32x4.add").get(sum).op("i32x4.add").set(sum);
    });
  };
  f.get(tables).set(table);
  f.repeat(Math.floor(steps / WORD_STEPS), () => words(WORD_STEPS));
  if (steps % WORD_STEPS > 0) words(steps % WORD_STEPS);
}

function emitBody(f: FunctionBuilder, problem: ConvolutionProblem, lookup: Lookup): void {
  const { output } = problem;
  const { positions, inputs, outputs, codes: { bits } } = codedProduct(problem)!;
  const plan = planOf(problem);
  const layout = blockLayout(problem, plan);
  const [constants, tables, out, input] = f.parameters;
  const [block, codes, sum] = f.locals("i32", 3);
  const totals = f.locals("v128", LANES / 4);
  const planeSums = f.locals("v128", LANES / 4);
  const emitBlock = (lanes: number): void => {
    totals.forEach((total, v) => {
      f.get(block).memory("v128.load", layout.negatedSum + VECTOR_BYTES * v).get(sum).op("i32x4.splat", "i32x4.mul");
      f.get(block).memory("v128.load", layout.constant + VECTOR_BYTES * v).op("i32x4.add").set(total);
    });
    f.get(block).i32(layout.codes).op("i32.add").set(codes);
    for (let plane = 0; plane < bits; plane++) {
      for (const planeSum of planeSums) f.v128(new Uint8Array(16)).set(planeSum);
      emitPlane(f, lookup, layout.steps, codes, tables, planeSums);
      totals.forEach((total, v) => {
        const multipliers = layout.multipliers + 4 * LANES * plane + VECTOR_BYTES * v;
        f.get(planeSums[v]).get(block).memory("v128.load", multipliers).op("i32x4.mul").get(total).op("i32x4.add").set(
          total,
        );
      });
    }
    emitChannelRequantization(f, plan, {
      accumulators: totals.slice(0, Math.ceil(lanes / 4)).map((total) => [total]),
      channels: lanes,
      parameters: { base: block, offset: layout.parameters },
      output: out,
      outputOffsets: [0],
    });
    f.advance(block, layout.bytes).advance(out, lanes * bytesOf(output?.dtype ?? "i32"));
  };
  f.repeat(positions, () => {
    emitTables(f, inputs, input, tables, sum);
    f.get(constants).set(block);
    f.repeat(Math.floor(outputs / LANES), () => emitBlock(LANES));
    if (outputs % LANES > 0) emitBlock(outputs % LANES);
  });
}

/** Every index is below 16, where the relaxed instruction has one result on every processor. */
const LOOKUPS = [
  { lookup: "i8x16.relaxed_swizzle", instructions: "wasmrelaxed", isAvailable: hasRelaxedVectors },
  { lookup: "i8x16.swizzle", instructions: "wasmsimd", isAvailable: () => true },
] as const;
type Lookup = (typeof LOOKUPS)[number]["lookup"];

/** Products by binary codes: sums of four activations are looked up by four bits of codes. */
export const CODED_CONVOLUTION_KERNELS: readonly WasmKernel<ConvolutionProblem>[] = LOOKUPS.map(
  ({ lookup, instructions, isAvailable }) => {
    const name = `qu8_qbc_conv_${LANES}x1__${instructions}`;
    return {
      name,
      kind: "convolution",
      supports: (problem) => codedProduct(problem) !== undefined && isAvailable(),
      isFaster,
      pack,
      scratchBytes: ({ inputChannels }) => TABLE_BYTES * Math.ceil(inputChannels / STEP_INPUTS),
      emit: (problem, module) =>
        module.addFunction(name, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem, lookup)),
    };
  },
);

/** The least weights, by bits, from which on reading codes is faster than reading int8 weights. */
const LEAST_WEIGHTS: Readonly<Record<number, number>> = { 1: 2 ** 14, 2: 2 ** 18, 3: 2 ** 21 };

/**
 * Whether reading codes is faster than reading int8 weights: time follows the bits. By measurement
 * (`deno task bench:gemv`): one bit 1.5 to 2.9 times in a cache, two bits 1.1 to 1.5 times, three as fast from 2^21 weights
 * on and 1.5 times from memory; four bits are slower in every cache.
 */
function isFaster(problem: ConvolutionProblem): boolean {
  const { positions, codes } = codedProduct(problem)!;
  return positions === 1 && problem.weights.length >= (LEAST_WEIGHTS[codes.bits] ?? Infinity);
}
