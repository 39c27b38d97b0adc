import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { codeSteps, type CodeSums, STEP_INPUTS, VECTOR_BYTES } from "./code_sums.ts";

/** Bits of activations: sums of all planes of a step, up to 8 * 15, go into uint16 together. */
const ACTIVATION_BITS_MAX = 4;
/** Steps of a loop, whose counts of at most 8 stay bytes for `BYTE_LOOPS` loops. */
const UNROLLED = 4;
const BYTE_LOOPS = 7;
const BYTE_STEPS = BYTE_LOOPS * UNROLLED;
/** Steps whose sums stay uint16. */
const WORD_STEPS = 16 * BYTE_STEPS;

/** Planes of activations, a byte for each step, up to whole vectors of activations. */
function formOf({ inputHigh, inputChannels }: ConvolutionProblem) {
  const planes = 32 - Math.clz32(inputHigh);
  return {
    planes,
    steps: codeSteps(inputChannels),
    planeBytes: VECTOR_BYTES / 8 * Math.ceil(inputChannels / VECTOR_BYTES),
  };
}

/**
 * From planes A_j of the activations: sum over j of 2^j popcount(B & A_j) (Xu et al., arXiv 1802.00150, section 4). XNOR
 * becomes an and, since signs are 2 bit - 1 and planes of activations 0 or 1.
 */
export const CODE_POPCOUNT: CodeSums = {
  supports: ({ inputHigh }) => inputHigh > 0 && inputHigh < 2 ** ACTIVATION_BITS_MAX,
  scratchBytes(problem) {
    const { planes, planeBytes } = formOf(problem);
    return planes * planeBytes;
  },
  emitActivations: (f, problem, { input, activations, sum }) => emitPlanes(f, problem, input, activations, sum),
  emitPlane: (f, problem, { codes, activations, sums }) => emitCounts(f, problem, codes, activations, sums),
};

/** Writes the planes of a position. What is read beyond its last activation meets bits of codes that are 0. */
function emitPlanes(f: FunctionBuilder, problem: ConvolutionProblem, input: Local, target: Local, sum: Local): void {
  const { inputChannels: inputs } = problem;
  const { planes, planeBytes } = formOf(problem);
  const to = f.local("i32");
  const [activations, totals] = f.locals("v128", 2);
  f.get(target).set(to).v128(new Uint8Array(16)).set(totals);
  const vector = (count: number): void => {
    f.get(input).memory("v128.load").set(activations);
    for (let j = 0; j < planes; j++) {
      f.get(to).get(activations).i32(7 - j).op("i8x16.shl", "i8x16.bitmask").memory("i32.store16", planeBytes * j);
    }
    f.get(activations);
    if (count < VECTOR_BYTES) {
      f.v128(Uint8Array.from({ length: VECTOR_BYTES }, (_, i) => i < count ? 0xff : 0)).op("v128.and");
    }
    f.op("i16x8.extadd_pairwise_i8x16_u", "i32x4.extadd_pairwise_i16x8_u").get(totals).op("i32x4.add").set(totals);
    f.advance(input, count).advance(to, VECTOR_BYTES / STEP_INPUTS);
  };
  f.repeat(Math.floor(inputs / VECTOR_BYTES), () => vector(VECTOR_BYTES));
  if (inputs % VECTOR_BYTES > 0) vector(inputs % VECTOR_BYTES);
  for (let lane = 0; lane < 4; lane++) {
    f.get(totals).lane("i32x4.extract_lane", lane);
    if (lane > 0) f.op("i32.add");
  }
  f.set(sum);
}

function emitCounts(
  f: FunctionBuilder,
  problem: ConvolutionProblem,
  codes: Local,
  activations: Local,
  sums: readonly Local[],
): void {
  const { planes, steps, planeBytes } = formOf(problem);
  const from = f.local("i32");
  const plane = f.local("v128");
  const counts = f.locals("v128", planes);
  const words = f.locals("v128", 2);
  const unrolled = (count: number): void => {
    for (let i = 0; i < count; i++) {
      f.get(codes).memory("v128.load", VECTOR_BYTES * i).set(plane);
      counts.forEach((count, j) => {
        f.get(plane).get(from).memory("v128.load8_splat", planeBytes * j + i).op("v128.and", "i8x16.popcnt");
        f.get(count).op("i8x16.add").set(count);
      });
    }
    f.advance(codes, VECTOR_BYTES * count).advance(from, count);
  };
  const bytes = (count: number): void => {
    for (const vector of counts) f.v128(new Uint8Array(16)).set(vector);
    f.repeat(Math.floor(count / UNROLLED), () => unrolled(UNROLLED));
    if (count % UNROLLED > 0) unrolled(count % UNROLLED);
    (["i16x8.extend_low_i8x16_u", "i16x8.extend_high_i8x16_u"] as const).forEach((extend, half) => {
      counts.forEach((vector, j) => {
        f.get(vector).op(extend);
        if (j > 0) f.i32(j).op("i16x8.shl");
        f.get(words[half]).op("i16x8.add").set(words[half]);
      });
    });
  };
  const wordsOf = (count: number): void => {
    for (const vector of words) f.v128(new Uint8Array(16)).set(vector);
    f.repeat(Math.floor(count / BYTE_STEPS), () => bytes(BYTE_STEPS));
    if (count % BYTE_STEPS > 0) bytes(count % BYTE_STEPS);
    sums.forEach((sum, v) => {
      const extend = v % 2 === 0 ? "i32x4.extend_low_i16x8_u" : "i32x4.extend_high_i16x8_u";
      f.get(words[v >> 1]).op(extend).get(sum).op("i32x4.add").set(sum);
    });
  };
  f.get(activations).set(from);
  f.repeat(Math.floor(steps / WORD_STEPS), () => wordsOf(WORD_STEPS));
  if (steps % WORD_STEPS > 0) wordsOf(steps % WORD_STEPS);
}
