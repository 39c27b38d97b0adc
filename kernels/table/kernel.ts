import type { TableProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";

/** Look-ups in one round of the loop. */
const UNROLL = 8;

function emitBody(f: FunctionBuilder, { size }: TableProblem): void {
  const [table, , out, values] = f.parameters;
  const some = (count: number): void => {
    for (let i = 0; i < count; i++) {
      f.get(out).get(table).get(values).memory("i32.load8_u", i).op("i32.add").memory("i32.load8_u");
      f.memory("i32.store8", i);
    }
    f.advance(values, count).advance(out, count);
  };
  f.repeat(Math.floor(size / UNROLL), () => some(UNROLL));
  if (size % UNROLL > 0) some(size % UNROLL);
}

const NAME = `qu8_table_${UNROLL}x1__wasmsimd`;

/** Functions of one byte. */
export const TABLE_KERNELS: readonly WasmKernel<TableProblem>[] = [{
  name: NAME,
  kind: "table",
  supports: () => true,
  pack: ({ table }) => table,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
