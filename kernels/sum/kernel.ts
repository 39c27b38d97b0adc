import type { SumProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { WasmKernel } from "../kernel.ts";
import { fitsInt32, offsetTerm } from "../requantize/dyadic_shift.ts";
import { emitFinishedSums, type SumFinish } from "../requantize/finish_sums.ts";
import { emitLoadLanes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import { emitWeightedSums, largestSum, sumConstant, termsOf } from "./weighted_sums.ts";

/** One multiplier for each term: then channels do not matter, and the image is one run of elements. */
function isUniform({ terms }: SumProblem): boolean {
  return terms.every(({ multipliers }) => multipliers.length === 1);
}

function isProven(problem: SumProblem): boolean {
  const { channels, shift, output } = problem;
  const distinct = isUniform(problem) ? 1 : channels;
  return Array.from({ length: distinct }, (_, channel) => largestSum(termsOf(problem, channel)))
    .every((magnitude) => fitsInt32(magnitude, shift, output.zeroPoint));
}

/** Bytes in `constants` of four channels: four int64 constants, then four int32 multipliers of each term. */
function vectorBytes({ terms }: SumProblem): number {
  return 32 + 16 * terms.length;
}

function pack(problem: SumProblem): Uint8Array {
  const { channels, shift } = problem;
  const proven = isProven(problem);
  const uniform = isUniform(problem);
  const vectors = uniform ? 1 : Math.ceil(channels / 4);
  const bytes = new Uint8Array(vectors * vectorBytes(problem));
  const view = new DataView(bytes.buffer);
  for (let lane = 0; lane < 4 * vectors; lane++) {
    if (!uniform && lane >= channels) break;
    const start = (lane >> 2) * vectorBytes(problem);
    const terms = termsOf(problem, lane);
    view.setBigInt64(start + 8 * (lane & 3), sumConstant(terms, shift, proven), true);
    terms.forEach((term, t) => view.setInt32(start + 32 + 16 * t + 4 * (lane & 3), term.multiplier, true));
  }
  return bytes;
}

function emitBody(f: FunctionBuilder, problem: SumProblem): void {
  const { pixels, channels, terms, shift, output } = problem;
  const uniform = isUniform(problem);
  const [constantsStart, , out, ...inputs] = f.parameters;
  const constants = f.local("i32");
  const [low, high, sumLow, sumHigh, offset] = f.locals("v128", 5);
  const multipliers = f.locals("v128", terms.length);
  f.v128(new Int32Array(4).fill(offsetTerm(output.zeroPoint, shift))).set(offset);
  const finish: SumFinish = {
    output,
    proven: isProven(problem),
    counts: { per: "vector", push: () => f.i32(shift) },
    pushOffset: () => f.get(offset),
  };
  const load = (): void => {
    f.get(constants).memory("v128.load", 0).set(low).get(constants).memory("v128.load", 16).set(high);
    multipliers.forEach((local, t) => f.get(constants).memory("v128.load", 32 + 16 * t).set(local));
  };
  const four = (lanes: number): void => {
    if (!uniform) load();
    const operands = terms.map(({ dtype }, t) => ({
      multipliers: multipliers[t],
      pushElements: () => emitLoadLanes(f, dtype, { base: inputs[t], offset: 0 }),
    }));
    emitWeightedSums(f, [sumLow, sumHigh], [low, high], operands);
    emitFinishedSums(f, [sumLow, sumHigh], finish, lanes, { base: out, offset: 0 });
    terms.forEach(({ dtype }, t) => f.advance(inputs[t], lanes * bytesOf(dtype)));
    f.advance(out, lanes * bytesOf(output.dtype));
    if (!uniform) f.advance(constants, vectorBytes(problem));
  };
  const run = (elements: number): void => {
    f.get(constantsStart).set(constants);
    if (uniform) load();
    f.repeat(Math.floor(elements / 4), () => four(4));
    if (elements % 4 > 0) four(elements % 4);
  };
  if (uniform) run(pixels * channels);
  else f.repeat(pixels, () => run(channels));
}

const NAME = "qx_sum_4x1__wasmsimd";

/** Sums of any number of rescaled integer images. */
export const SUM_KERNELS: readonly WasmKernel<SumProblem>[] = [{
  name: NAME,
  kind: "sum",
  supports: ({ terms, pixels, channels }) => terms.length > 0 && pixels * channels > 0,
  pack,
  scratchBytes: () => 0,
  emit: (problem, module) => {
    const parameters = new Array<"i32">(3 + problem.terms.length).fill("i32");
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem));
  },
}];
