import type { ConcatPart, ConcatProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { emitByteMask, emitCopyBytes } from "../byte_run.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import {
  emitLimits,
  emitLoad,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  roundingConstant,
  writeLimits,
} from "../requantization.ts";

const LANES = 16;

/** Layout in constants of a part, behind the limits that all share: int64 values, each for all elements. */
const ADDEND = 0;
const MULTIPLIER = 8;
const SHIFT = 16;
const PART_BYTES = 24;

const addend = zmm(31);
const multiplier = zmm(30);
const shift = zmm(29);

function pack({ parts, output }: ConcatProblem): Uint8Array {
  const bytes = new Uint8Array(LIMITS_BYTES + parts.length * PART_BYTES);
  const view = new DataView(bytes.buffer);
  writeLimits(view, 0, output);
  parts.forEach(({ zeroPoint, rescale }, p) => {
    if (rescale === undefined) return;
    const start = LIMITS_BYTES + p * PART_BYTES;
    const b = BigInt(rescale.multiplier);
    view.setBigInt64(start + ADDEND, roundingConstant(rescale.shift) - BigInt(zeroPoint) * b, true);
    view.setBigInt64(start + MULTIPLIER, b, true);
    view.setBigInt64(start + SHIFT, BigInt(rescale.shift), true);
  });
  return bytes;
}

/** Rescales `part.inner` elements, and moves both pointers to their ends. */
function emitRescaled(
  f: KernelFunction,
  part: ConcatPart,
  { output }: ConcatProblem,
  from: Pointer,
  to: Pointer,
): void {
  const [even, odd] = [zmm(0), zmm(1)];
  const sixteen = (lanes: number): void => {
    emitLoad(f, odd, part.dtype, from, 0);
    f.code.emit("vpmuldq", even, odd, multiplier).emit("vpaddq", even, even, addend);
    f.code.emit("vpsrlq", odd, odd, 32).emit("vpmuldq", odd, odd, multiplier).emit("vpaddq", odd, odd, addend);
    f.code.emit("vpsravq", even, even, shift).emit("vpsravq", odd, odd, shift);
    emitLimits(f, { even, odd }, f.constants, 0);
    emitStore(f, odd, output.dtype, lanes, to, 0);
    f.advance(from, lanes * bytesOf(part.dtype)).advance(to, lanes * bytesOf(output.dtype));
  };
  f.repeat(Math.floor(part.inner / LANES), () => sixteen(LANES));
  if (part.inner % LANES > 0) sixteen(part.inner % LANES);
}

/** Part by part, each over all positions, so that one pointer reads at a time, however many parts there are. */
function generate(problem: ConcatProblem): Uint8Array {
  const { outer, parts, output } = problem;
  const outputBytes = bytesOf(output.dtype);
  const pitch = outputBytes * parts.reduce((total, { inner }) => total + inner, 0);
  const f = new KernelFunction(parts.length);
  const [from, to] = [f.free(f.scratch).take(), f.take()];
  let start = 0;
  parts.forEach((part, p) => {
    const bytes = part.inner * outputBytes;
    const at = LIMITS_BYTES + p * PART_BYTES;
    f.setToInput(from, p).set(to, f.output).advance(to, start);
    if (part.rescale === undefined) emitByteMask(f, bytes);
    else {
      emitTailMask(f, part.inner);
      f.code.emit("vpbroadcastq", addend, memory(f.constants, at + ADDEND));
      f.code.emit("vpbroadcastq", multiplier, memory(f.constants, at + MULTIPLIER));
      f.code.emit("vpbroadcastq", shift, memory(f.constants, at + SHIFT));
    }
    f.repeat(outer, () => {
      if (part.rescale === undefined) emitCopyBytes(f, from, to, bytes);
      else emitRescaled(f, part, problem, from, to);
      f.advance(to, pitch - bytes);
    });
    start += bytes;
  });
  return f.finish();
}

/** The problem with one outer position where there is one part: its elements lie in one run. */
function joined(problem: ConcatProblem): ConcatProblem {
  const { outer, parts } = problem;
  return parts.length === 1
    ? { ...problem, outer: 1, parts: [{ ...parts[0], inner: outer * parts[0].inner }] }
    : problem;
}

/** Concatenations, and requantizations of one input. */
export const CONCAT_KERNELS: readonly NativeKernel<ConcatProblem>[] = [{
  target: "x64",
  name: `qx_concat_${LANES}x1__avx512`,
  kind: "concat",
  supports: ({ parts, output }) => parts.every(({ rescale, dtype }) => rescale !== undefined || dtype === output.dtype),
  pack,
  scratchBytes: () => 0,
  generate: (problem) => generate(joined(problem)),
}];
