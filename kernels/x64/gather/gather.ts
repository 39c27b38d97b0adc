import type { GatherProblem } from "../../../lib/arith/problem.ts";
import { emitByteMask, emitCopyBytes } from "../byte_run.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { broadcast, low32, memory, rax, zmm } from "../operands.ts";

const LANES = 16;

/** Positions in constants: int32 for all lanes, then the table. */
const FIRST = 0;
const LAST = 4;
const WIDTH = 8;
const TABLE = 64;

function pack({ rows, width, table }: GatherProblem): Uint8Array {
  const bytes = new Uint8Array(TABLE + table.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(LAST, rows - 1, true);
  view.setInt32(WIDTH, width, true);
  bytes.set(table, TABLE);
  return bytes;
}

/** Positions of all rows go to scratch, sixteen at a time; then rows are copied. */
function generate({ count, width }: GatherProblem): Uint8Array {
  const f = new KernelFunction(1);
  const { code, constants, scratch, output, inputs: [indices] } = f;
  const [positions, from] = [f.take(), f.take()];
  const rows = zmm(0);
  const all = (position: number) => broadcast(memory(constants, position));
  f.set(positions, scratch);
  f.repeat(Math.ceil(count / LANES), () => {
    code.emit("vmovdqu32", rows, memory(indices));
    code.emit("vpmaxsd", rows, rows, all(FIRST)).emit("vpminsd", rows, rows, all(LAST));
    code.emit("vpmulld", rows, rows, all(WIDTH)).emit("vmovdqu32", memory(positions), rows);
    f.advance(indices, 4 * LANES).advance(positions, 4 * LANES);
  });
  emitByteMask(f, width);
  f.set(positions, scratch);
  f.repeat(count, () => {
    f.set(from, constants).code.emit("mov", low32(rax), memory(positions)).emit("add", from, rax);
    f.advance(from, TABLE);
    emitCopyBytes(f, from, output, width);
    f.advance(positions, 4);
  });
  return f.finish();
}

/** Rows of a table by their numbers. */
export const GATHER_KERNELS: readonly NativeKernel<GatherProblem>[] = [{
  target: "x64",
  name: `qx_gather_${LANES}x1__avx512`,
  kind: "gather",
  supports: () => true,
  pack,
  scratchBytes: ({ count }) => 4 * LANES * Math.ceil(count / LANES),
  generate,
}];
