import type { AnyConvolutionProblem, ConvolutionSumProblem } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { AccumulatorTile } from "../requantize/accumulator_tile.ts";
import {
  emitExactLanes,
  emitShiftedWords,
  fitsInt32,
  offsetTerm,
  type ShiftCounts,
} from "../requantize/dyadic_shift.ts";
import { emitLoadLanes, emitStoreLanes } from "../requantize/store_lanes.ts";
import { emitWeightedSums, largestSum, sumConstant, termsOf } from "../sum/weighted_sums.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { Epilogue } from "./epilogue.ts";

/** Parameters of a convolution's function: constants, scratch, output, the image, the other terms of its sum. */
export function convolutionParameters(problem: AnyConvolutionProblem): "i32"[] {
  const others = problem.kind === "convolution" ? 0 : problem.sum.terms.length - 1;
  return new Array<"i32">(4 + others).fill("i32");
}

/** Whether every sum before the clamp is known to be an int32. */
function isProven({ sum, bounds }: ConvolutionSumProblem): boolean {
  return Array.from(
    { length: sum.channels },
    (_, channel) => largestSum(termsOf(sum, channel), bounds.map((bound) => bound?.[channel])),
  )
    .every((magnitude) => fitsInt32(magnitude, sum.shift, sum.output.zeroPoint));
}

/** The accumulators as one term of a sum. Parameters of 4 channels: int64 constants, int32 multipliers of each term. */
export function sumEpilogue(problem: ConvolutionSumProblem): Omit<Epilogue, "writeBias"> {
  const { sum } = problem;
  const proven = isProven(problem);
  return {
    outputBytes: bytesOf(sum.output.dtype),
    parameterBytes: 32 + 16 * sum.terms.length,
    writeParameters: (view, position, channel, lanes) => {
      for (let lane = 0; lane < lanes; lane++) {
        const terms = termsOf(sum, channel + lane);
        view.setBigInt64(position + 8 * lane, sumConstant(terms, sum.shift, proven), true);
        terms.forEach(({ multiplier }, t) => view.setInt32(position + 32 + 16 * t + 4 * lane, multiplier, true));
      }
    },
    emit: (f, tile) => emitTile(f, problem, proven, tile),
  };
}

function emitTile(f: FunctionBuilder, problem: ConvolutionSumProblem, proven: boolean, tile: AccumulatorTile): void {
  const { sum: { terms, shift, output: range }, term } = problem;
  const { accumulators, channels, parameters: { base, offset }, output, outputOffsets } = tile;
  const parameterBytes = 32 + 16 * terms.length;
  const [low, high, sumLow, sumHigh, zero] = f.locals("v128", 5);
  const multipliers = f.locals("v128", terms.length);
  const counts: ShiftCounts = { per: "vector", push: () => f.i32(shift) };
  const elementBytes = bytesOf(range.dtype);
  const sources = emitSources(f, problem, output);
  if (proven) f.v128(new Int32Array(4).fill(offsetTerm(range.zeroPoint, shift))).set(zero);
  accumulators.forEach((row, v) => {
    const position = offset + v * parameterBytes;
    f.get(base).memory("v128.load", position).set(low).get(base).memory("v128.load", position + 16).set(high);
    multipliers.forEach((local, t) => f.get(base).memory("v128.load", position + 32 + 16 * t).set(local));
    row.forEach((accumulator, pixel) => {
      const element = outputOffsets[pixel] / elementBytes + 4 * v;
      const operands = terms.map(({ dtype }, t) => ({
        multipliers: multipliers[t],
        pushElements: () => {
          if (t === term) f.get(accumulator);
          else emitLoadLanes(f, dtype, { base: sources[t]!, offset: element * bytesOf(dtype) });
        },
      }));
      emitWeightedSums(f, [sumLow, sumHigh], [low, high], operands);
      if (proven) {
        emitShiftedWords(f, () => f.get(sumLow), () => f.get(sumHigh), counts);
        f.get(zero).op("i32x4.add").set(accumulator);
      } else {
        const lanes = Math.min(4, channels - 4 * v);
        const address = { base: output, offset: element * elementBytes };
        emitExactLanes(f, [sumLow, sumHigh], { per: "lane", push: counts.push }, range, lanes, address);
      }
    });
  });
  if (!proven) return;
  outputOffsets.forEach((offset, pixel) => {
    emitStoreLanes(f, accumulators.map((row) => row[pixel]), range, channels, { base: output, offset });
  });
}

/** The address in each of the other terms that belongs to the address `output` in the output, found from the parameters. */
function emitSources(
  f: FunctionBuilder,
  { sum: { terms, output: { dtype } }, term }: ConvolutionSumProblem,
  output: Local,
): (Local | undefined)[] {
  const [, , outputStart, , ...starts] = f.parameters;
  return terms.map((each, t) => {
    if (t === term) return undefined;
    const source = f.local("i32");
    const start = starts[t < term ? t : t - 1];
    const ratio = bytesOf(each.dtype) / bytesOf(dtype);
    f.get(output).get(outputStart).op("i32.sub");
    if (ratio >= 1) f.i32(Math.log2(ratio)).op("i32.shl");
    else f.i32(-Math.log2(ratio)).op("i32.shr_u");
    f.get(start).op("i32.add").set(source);
    return source;
  });
}
