import type { FloatConcatProblem } from "../../../lib/arith/problem.ts";
import { emitByteMask, emitCopyBytes } from "../byte_run.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";

/** Part by part, each over all positions, so that one pointer reads at a time, however many parts there are. */
function generate({ outer, inners }: FloatConcatProblem): Uint8Array {
  const pitch = 4 * inners.reduce((total, inner) => total + inner, 0);
  const f = new KernelFunction(inners.length);
  const [from, to] = [f.free(f.scratch, f.constants).take(), f.take()];
  let start = 0;
  inners.forEach((inner, part) => {
    const bytes = 4 * inner;
    f.setToInput(from, part).set(to, f.output).advance(to, start);
    emitByteMask(f, bytes);
    f.repeat(outer, () => {
      emitCopyBytes(f, from, to, bytes);
      f.advance(to, pitch - bytes);
    });
    start += bytes;
  });
  return f.finish();
}

/** Concatenations of float32. */
export const FLOAT_CONCAT_KERNELS: readonly NativeKernel<FloatConcatProblem>[] = [{
  target: "x64",
  name: "f32_concat_16x1__avx512",
  kind: "float_concat",
  supports: () => true,
  pack: () => new Uint8Array(0),
  scratchBytes: () => 0,
  generate,
}];
