import type { CopyProblem } from "../../../lib/arith/problem.ts";
import { allocate, bytesOf, bytesOfArray } from "../../../lib/tensor/dtype.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { type CopyAxis, joinAxes } from "../../copy/copy_axes.ts";
import { emitByteMask, emitByteRun, emitCopyBytes } from "../byte_run.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";

const VECTOR_BYTES = 64;
const FILL = zmm(31);

/** Sixty-four bytes of the fill value. */
function pack({ dtype, fill }: CopyProblem): Uint8Array {
  return bytesOfArray(allocate(dtype, VECTOR_BYTES / bytesOf(dtype)).fill(fill));
}

/** The axes that loops go over, and the elements of the run that is copied at once. */
function runsOf(problem: CopyProblem): { readonly axes: readonly CopyAxis[]; readonly run: number } {
  const axes = joinAxes(problem);
  const last = axes.at(-1);
  return last?.source === 1 && last.target === 1 ? { axes: axes.slice(0, -1), run: last.extent } : { axes, run: 1 };
}

/** Emits the copy of the axes from `depth` and returns how many elements each pointer has moved. */
function emitAxes(
  f: KernelFunction,
  { axes, run }: ReturnType<typeof runsOf>,
  depth: number,
  from: Pointer,
  to: Pointer,
  bytes: number,
): { source: number; target: number } {
  const axis = axes[depth];
  if (axis === undefined) {
    emitCopyBytes(f, from, to, run * bytes);
    return { source: run, target: run };
  }
  const { extent, source, target } = axis;
  f.repeat(extent, () => {
    const moved = emitAxes(f, { axes, run }, depth + 1, from, to, bytes);
    f.advance(from, (source - moved.source) * bytes).advance(to, (target - moved.target) * bytes);
  });
  return { source: extent * source, target: extent * target };
}

function generate(problem: CopyProblem): Uint8Array {
  const { dtype, shape, sourceOffset, targetOffset, targetSize } = problem;
  const bytes = bytesOf(dtype);
  const f = new KernelFunction(1);
  const { constants, scratch, output, inputs: [from] } = f;
  const to = f.free(scratch).take();
  if (sizeOf(shape) < targetSize) {
    f.set(to, output).code.emit("vmovdqu8", FILL, memory(constants, 0));
    emitByteMask(f, targetSize * bytes);
    emitByteRun(f, targetSize * bytes, [to], (pieces) => {
      for (const piece of pieces) f.code.emit("vmovdqu8", piece.written(to), piece.vector(FILL.number));
    });
  }
  f.free(constants);
  if (sizeOf(shape) === 0) return f.finish();
  const runs = runsOf(problem);
  emitByteMask(f, runs.run * bytes);
  f.advance(from, sourceOffset * bytes).set(to, output).advance(to, targetOffset * bytes);
  f.free(output);
  emitAxes(f, runs, 0, from, to, bytes);
  return f.finish();
}

/** General registers that loops over axes can count in. */
const AXES_MAX = 10;

/** Strided copies with a fill value. */
export const COPY_KERNELS: readonly NativeKernel<CopyProblem>[] = [{
  target: "x64",
  name: "qx_copy_64x1__avx512",
  kind: "copy",
  supports: (problem) => joinAxes(problem).length <= AXES_MAX,
  pack,
  scratchBytes: () => 0,
  generate,
}];
