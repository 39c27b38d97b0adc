import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { codeSteps, type CodeSums, STEP_INPUTS, VECTOR_BYTES } from "./code_sums.ts";

/** Every index is below 16, where the relaxed instruction has one result on every processor. */
type Lookup = "i8x16.relaxed_swizzle" | "i8x16.swizzle";

/** Inputs of a table: 0 .. 3 are the lower half of a byte of codes, 4 .. 7 the upper. */
const GROUP_INPUTS = 4;
/** Activations go in parts of so many bits. */
const PART_BITS = 4;

/** Steps whose sums stay bytes, and uint16: each adds two sums of four values up to `largest`. */
const BYTE_STEPS_MAX = 16;
const WORD_STEPS_MAX = 512;

/** Activations of more than 4 bits have an upper part. */
function formOf({ inputHigh, inputChannels }: ConvolutionProblem) {
  const parts = inputHigh < 2 ** PART_BITS ? 1 : 2;
  const largest = parts === 1 ? inputHigh : 2 ** PART_BITS - 1;
  const byteSteps = Math.min(BYTE_STEPS_MAX, Math.floor(255 / (STEP_INPUTS * Math.max(1, largest))));
  return {
    parts,
    steps: codeSteps(inputChannels),
    byteSteps,
    wordSteps: Math.floor(WORD_STEPS_MAX / byteSteps) * byteSteps,
    /** Tables of a step: for each group of inputs one of each part. */
    tableBytes: STEP_INPUTS / GROUP_INPUTS * parts * VECTOR_BYTES,
  };
}

/** Sums of four activations, 4 bits of each, looked up by four bits of codes. */
export function codeLookup(lookup: Lookup, isAvailable: () => boolean): CodeSums {
  return {
    supports: () => isAvailable(),
    scratchBytes(problem) {
      const { tableBytes, steps } = formOf(problem);
      return tableBytes * steps;
    },
    emitActivations: (f, problem, { input, activations, sum }) => emitTables(f, problem, input, activations, sum),
    emitPlane: (f, problem, { codes, activations, sums }) => emitPlane(f, lookup, problem, codes, activations, sums),
  };
}

/** Bytes of a vector with all bits set where the number of the byte has bit `position`. */
function numbersWithBit(position: number): Uint8Array {
  return Uint8Array.from({ length: VECTOR_BYTES }, (_, number) => number >> position & 1 ? 0xff : 0);
}

/**
 * Writes the tables of all inputs of a position, and leaves the sum of its activations in `sum`: entry c of a table is the
 * sum over the set bits p of c of a part of activation p.
 */
function emitTables(f: FunctionBuilder, problem: ConvolutionProblem, input: Local, tables: Local, sum: Local): void {
  const { inputChannels: inputs } = problem;
  const { parts, tableBytes } = formOf(problem);
  const [table, activation] = f.locals("i32", 2);
  const [lower, upper, chosen, half] = f.locals("v128", 4);
  const masks = f.locals("v128", GROUP_INPUTS);
  masks.forEach((mask, p) => f.v128(numbersWithBit(p)).set(mask));
  f.v128(new Uint8Array(16).fill(2 ** PART_BITS - 1)).set(half);
  f.get(tables).set(table).i32(0).set(sum);
  const step = (count: number): void => {
    for (let group = 0; group < STEP_INPUTS / GROUP_INPUTS; group++) {
      f.v128(new Uint8Array(16)).set(lower);
      if (parts > 1) f.v128(new Uint8Array(16)).set(upper);
      masks.forEach((mask, p) => {
        const position = GROUP_INPUTS * group + p;
        if (position >= count) return;
        f.get(input).memory("i32.load8_u", position).tee(activation).op("i8x16.splat").get(mask).op("v128.and");
        f.set(chosen).get(sum).get(activation).op("i32.add").set(sum).get(lower).get(chosen);
        if (parts > 1) f.get(half).op("v128.and");
        f.op("i8x16.add").set(lower);
        if (parts > 1) f.get(upper).get(chosen).i32(PART_BITS).op("i8x16.shr_u", "i8x16.add").set(upper);
      });
      const at = parts * VECTOR_BYTES * group;
      f.get(table).get(lower).memory("v128.store", at);
      if (parts > 1) f.get(table).get(upper).memory("v128.store", at + VECTOR_BYTES);
    }
    f.advance(input, count).advance(table, tableBytes);
  };
  f.repeat(Math.floor(inputs / STEP_INPUTS), () => step(STEP_INPUTS));
  if (inputs % STEP_INPUTS > 0) step(inputs % STEP_INPUTS);
}

function emitPlane(
  f: FunctionBuilder,
  lookup: Lookup,
  problem: ConvolutionProblem,
  codes: Local,
  tables: Local,
  sums: readonly Local[],
): void {
  const { parts, steps, byteSteps, wordSteps, tableBytes } = formOf(problem);
  const table = f.local("i32");
  const [index, lowerIndex] = f.locals("v128", 2);
  const bytesOfParts = f.locals("v128", parts);
  const words = bytesOfParts.map(() => f.locals("v128", 2));
  const bytes = (count: number): void => {
    for (let i = 0; i < count; i++) {
      f.get(codes).memory("v128.load", VECTOR_BYTES * i).set(index);
      f.get(index).v128(new Uint8Array(16).fill(0x0f)).op("v128.and").set(lowerIndex);
      f.get(index).i32(4).op("i8x16.shr_u").set(index);
      bytesOfParts.forEach((sum, part) => {
        const at = tableBytes * i + VECTOR_BYTES * part;
        f.get(table).memory("v128.load", at).get(lowerIndex).op(lookup);
        f.get(table).memory("v128.load", at + parts * VECTOR_BYTES).get(index).op(lookup, "i8x16.add");
        if (i > 0) f.get(sum).op("i8x16.add");
        f.set(sum);
      });
    }
    bytesOfParts.forEach((sum, part) => {
      const [low, high] = words[part];
      f.get(low).get(sum).op("i16x8.extend_low_i8x16_u", "i16x8.add").set(low);
      f.get(high).get(sum).op("i16x8.extend_high_i8x16_u", "i16x8.add").set(high);
    });
    f.advance(codes, VECTOR_BYTES * count).advance(table, tableBytes * count);
  };
  const wordsOf = (count: number): void => {
    for (const vector of words.flat()) f.v128(new Uint8Array(16)).set(vector);
    f.repeat(Math.floor(count / byteSteps), () => bytes(byteSteps));
    if (count % byteSteps > 0) bytes(count % byteSteps);
    sums.forEach((sum, v) => {
      const extend = v % 2 === 0 ? "i32x4.extend_low_i16x8_u" : "i32x4.extend_high_i16x8_u";
      words.forEach((vectors, part) => {
        f.get(vectors[v >> 1]).op(extend);
        if (part > 0) f.i32(PART_BITS * part).op("i32x4.shl");
        f.get(sum).op("i32x4.add").set(sum);
      });
    });
  };
  f.get(tables).set(table);
  f.repeat(Math.floor(steps / wordSteps), () => wordsOf(wordSteps));
  if (steps % wordSteps > 0) wordsOf(steps % wordSteps);
}
