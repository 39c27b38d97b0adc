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
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import { hasRelaxedVectors } from "../wasm/relaxed_vectors.ts";
import { CODE_POPCOUNT } from "./code_popcount.ts";
import { codeLookup } from "./code_lookup.ts";
import { codeSteps, type CodeSums, LANES, VECTOR_BYTES } from "./code_sums.ts";
import { codedProduct } from "./coded_product.ts";

function planOf(problem: ConvolutionProblem): ChannelPlan {
  return problem.output === undefined
    ? { mode: "accumulators" }
    : planWithin(problem.output, accumulatorBounds(problem));
}

/** Byte positions within the constants of a block of outputs. */
function blockLayout(problem: ConvolutionProblem, plan: ChannelPlan) {
  const { inputs, codes: { bits } } = codedProduct(problem)!;
  const steps = codeSteps(inputs);
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

function emitBody(f: FunctionBuilder, problem: ConvolutionProblem, codeSums: CodeSums): void {
  const { output } = problem;
  const { positions, outputs, codes: { bits } } = codedProduct(problem)!;
  const plan = planOf(problem);
  const layout = blockLayout(problem, plan);
  const [constants, activations, out, input] = f.parameters;
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
      codeSums.emitPlane(f, problem, { codes, activations, sums: planeSums });
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
    codeSums.emitActivations(f, problem, { input, activations, sum });
    f.get(constants).set(block);
    f.repeat(Math.floor(outputs / LANES), () => emitBlock(LANES));
    if (outputs % LANES > 0) emitBlock(outputs % LANES);
  });
}

function variant(
  name: string,
  codeSums: CodeSums,
  isFaster: (problem: ConvolutionProblem) => boolean,
): WasmKernel<ConvolutionProblem> {
  return {
    name,
    kind: "convolution",
    supports: (problem) => codedProduct(problem) !== undefined && codeSums.supports(problem),
    isFaster,
    pack,
    scratchBytes: (problem) => codeSums.scratchBytes(problem),
    emit: (problem, module) =>
      module.addFunction(name, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem, codeSums)),
  };
}

/** Products by binary codes. */
export const CODED_CONVOLUTION_KERNELS: readonly WasmKernel<ConvolutionProblem>[] = [
  variant(`qu4_qbc_conv_${LANES}x1__wasmpopcnt`, CODE_POPCOUNT, isPopcountFaster),
  variant(
    `qu8_qbc_conv_${LANES}x1__wasmrelaxed`,
    codeLookup("i8x16.relaxed_swizzle", hasRelaxedVectors),
    isLookupFaster,
  ),
  variant(`qu8_qbc_conv_${LANES}x1__wasmsimd`, codeLookup("i8x16.swizzle", () => true), isLookupFaster),
];

/** The least weights, by bits of codes, from which on a way to read codes is faster than reading int8 weights. */
interface Rule {
  /** For activations up to this. */
  readonly inputHigh: number;
  readonly leastWeights: Readonly<Record<number, number>>;
  /** Where codes of one bit are faster for several vectors too. */
  readonly takesSeveral: boolean;
}

/**
 * By measurement (`tests/bench/popcount.ts --backend wasm`, `deno task bench:gemv`). Activations of 4 bits take half the
 * tables; where they have at most 7 bits int8 weights are twice as fast by relaxed instructions, so without these codes
 * would pay for somewhat smaller matrices.
 */
const LOOKUP: readonly Rule[] = [
  { inputHigh: 15, leastWeights: { 1: 2 ** 14, 2: 2 ** 23, 3: 2 ** 24 }, takesSeveral: true },
  { inputHigh: 127, leastWeights: { 1: 2 ** 16, 2: 2 ** 22 }, takesSeveral: false },
  { inputHigh: 255, leastWeights: { 1: 2 ** 14, 2: 2 ** 18, 3: 2 ** 21 }, takesSeveral: false },
];
/** Popcount takes time for each plane of activations, a lookup does not: one plane alone is faster. */
const POPCOUNT: Rule = { inputHigh: 1, leastWeights: { 1: 2 ** 14, 2: 2 ** 22 }, takesSeveral: true };

function isPopcountFaster(problem: ConvolutionProblem): boolean {
  return problem.inputHigh <= POPCOUNT.inputHigh && isFaster(problem, POPCOUNT);
}

function isLookupFaster(problem: ConvolutionProblem): boolean {
  return isFaster(problem, LOOKUP.find(({ inputHigh }) => problem.inputHigh <= inputHigh)!);
}

function isFaster(problem: ConvolutionProblem, { leastWeights, takesSeveral }: Rule): boolean {
  const { positions, codes } = codedProduct(problem)!;
  if (positions > 1 && !(takesSeveral && codes.bits === 1)) return false;
  return problem.weights.length >= (leastWeights[codes.bits] ?? Infinity);
}
