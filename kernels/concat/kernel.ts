import type { ConcatPart, ConcatProblem, OutputRange } from "../../lib/arith/problem.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import { emitCopyBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import { fitsInt32, offsetTerm } from "../requantize/dyadic_shift.ts";
import { emitFinishedSums, type SumFinish } from "../requantize/finish_sums.ts";
import { emitLoadLanes } from "../requantize/store_lanes.ts";
import { emitWeightedSums, largestSum, type ScaledTerm, sumConstant } from "../sum/weighted_sums.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** A rescaled part is a sum of one term. */
function termOf({ dtype, zeroPoint }: ConcatPart, multiplier: number): ScaledTerm {
  return { dtype, zeroPoint, multiplier };
}

/** The problem with one outer position where there is one part: its elements lie in one run. */
function joined(problem: ConcatProblem): ConcatProblem {
  const { outer, parts } = problem;
  if (parts.length !== 1) return problem;
  return { ...problem, outer: 1, parts: [{ ...parts[0], inner: outer * parts[0].inner }] };
}

/** Emits one run of `part.inner` elements; pointers end where the next run begins. */
function emitRun(f: FunctionBuilder, part: ConcatPart, output: OutputRange, from: Local, to: Local): void {
  const { rescale, inner } = part;
  if (rescale === undefined) return emitCopyBytes(f, from, to, inner * bytesOf(part.dtype));
  const { multiplier, shift } = rescale;
  const term = termOf(part, multiplier);
  const proven = fitsInt32(largestSum([term]), shift, output.zeroPoint);
  const [constant, multipliers, offset, low, high] = f.locals("v128", 5);
  f.v128(new BigInt64Array(2).fill(sumConstant([term], shift, proven))).set(constant);
  f.v128(new Int32Array(4).fill(multiplier)).set(multipliers);
  f.v128(new Int32Array(4).fill(offsetTerm(output.zeroPoint, shift))).set(offset);
  const finish: SumFinish = {
    output,
    proven,
    counts: { per: "vector", push: () => f.i32(shift) },
    pushOffset: () => f.get(offset),
  };
  const four = (lanes: number): void => {
    const pushElements = (): void => emitLoadLanes(f, part.dtype, { base: from, offset: 0 });
    emitWeightedSums(f, [low, high], [constant, constant], [{ multipliers, pushElements }]);
    emitFinishedSums(f, [low, high], finish, lanes, { base: to, offset: 0 });
    f.advance(from, lanes * bytesOf(part.dtype)).advance(to, lanes * bytesOf(output.dtype));
  };
  f.repeat(Math.floor(inner / 4), () => four(4));
  if (inner % 4 > 0) four(inner % 4);
}

const NAME = "qx_concat_4x1__wasmsimd";

/** Concatenations, and requantizations of one input. */
export const CONCAT_KERNELS: readonly WasmKernel<ConcatProblem>[] = [{
  name: NAME,
  kind: "concat",
  supports: ({ parts, output }) => parts.every(({ rescale, dtype }) => rescale !== undefined || dtype === output.dtype),
  pack: () => new Uint8Array(0),
  scratchBytes: () => 0,
  emit: (problem, module) => {
    const parameters = new Array<"i32">(3 + problem.parts.length).fill("i32");
    return module.addFunction(NAME, { parameters }, (f) => {
      const { outer, parts, output } = joined(problem);
      const [, , out, ...inputs] = f.parameters;
      f.repeat(outer, () => parts.forEach((part, p) => emitRun(f, part, output, inputs[p], out)));
    });
  },
}];
