import type { GatherProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";

function emitBody(f: FunctionBuilder, { count, rows, width }: GatherProblem): void {
  const [table, , out, indices] = f.parameters;
  const [index, row] = f.locals("i32", 2);
  const last = rows - 1;
  f.repeat(count, () => {
    f.get(indices).memory("i32.load").set(index);
    f.get(index).i32(0).get(index).i32(0).op("i32.gt_s", "select").set(index);
    f.get(index).i32(last).get(index).i32(last).op("i32.lt_s", "select");
    f.i32(width).op("i32.mul").get(table).op("i32.add").set(row);
    emitCopyBytes(f, row, out, width);
    f.advance(indices, 4);
  });
}

const NAME = "qx_gather__wasmsimd";

/** Rows of a table by their numbers. */
export const GATHER_KERNELS: readonly WasmKernel<GatherProblem>[] = [{
  name: NAME,
  kind: "gather",
  supports: () => true,
  pack: ({ table }) => table,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
