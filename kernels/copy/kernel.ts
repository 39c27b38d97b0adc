import type { CopyProblem } from "../../lib/arith/problem.ts";
import { allocate, bytesOf } from "../../lib/tensor/dtype.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { type CopyAxis, joinAxes } from "./copy_axes.ts";
import { emitCopyBytes, emitFillBytes, MOVES } from "./emit_copy_bytes.ts";

/** Emits the copy of the axes from `depth` and returns how many elements each pointer has moved. */
function emitAxes(
  f: FunctionBuilder,
  axes: readonly CopyAxis[],
  depth: number,
  from: Local,
  to: Local,
  bytes: 1 | 2 | 4,
): { source: number; target: number } {
  const axis = axes[depth];
  if (axis === undefined) {
    const [load, store] = MOVES[bytes];
    f.get(to).get(from).memory(load).memory(store);
    return { source: 0, target: 0 };
  }
  const { extent, source, target } = axis;
  if (depth === axes.length - 1 && source === 1 && target === 1) {
    emitCopyBytes(f, from, to, extent * bytes);
  } else {
    f.repeat(extent, () => {
      const moved = emitAxes(f, axes, depth + 1, from, to, bytes);
      f.advance(from, (source - moved.source) * bytes).advance(to, (target - moved.target) * bytes);
    });
  }
  return { source: extent * source, target: extent * target };
}

const NAME = "qx_copy__wasmsimd";

/** Strided copies with a fill value. */
export const COPY_KERNELS: readonly WasmKernel<CopyProblem>[] = [{
  name: NAME,
  kind: "copy",
  supports: () => true,
  pack: () => new Uint8Array(0),
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => {
      const [, , output, input] = f.parameters;
      const { dtype, shape, sourceOffset, targetOffset, targetSize, fill } = problem;
      const bytes = bytesOf(dtype) as 1 | 2 | 4;
      const [from, to] = f.locals("i32", 2);
      if (sizeOf(shape) < targetSize) {
        f.get(output).set(to);
        emitFillBytes(f, to, targetSize * bytes, allocate(dtype, 16 / bytes).fill(fill));
      }
      if (sizeOf(shape) === 0) return;
      f.get(input).set(from).advance(from, sourceOffset * bytes);
      f.get(output).set(to).advance(to, targetOffset * bytes);
      emitAxes(f, joinAxes(problem), 0, from, to, bytes);
    }),
}];
