import type { TableProblem } from "../../../lib/arith/problem.ts";
import { emitGatherMask, emitGatherWords } from "../gather_words.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import { emitLoad, emitStore, emitTailMask } from "../requantization.ts";

const LANES = 16;

function generate({ size }: TableProblem): Uint8Array {
  const f = new KernelFunction(1);
  const { constants, output, inputs: [values] } = f;
  const [index, entries] = [zmm(0), zmm(1)];
  const sixteen = (lanes: number): void => {
    emitLoad(f, index, "u8", values, 0);
    emitGatherWords(f, entries, memory(constants, 0, index)); // four entries, of which the first is stored
    emitStore(f, entries, "u8", lanes, output, 0);
    f.advance(values, lanes).advance(output, lanes);
  };
  emitGatherMask(f);
  emitTailMask(f, size);
  f.repeat(Math.floor(size / LANES), () => sixteen(LANES));
  if (size % LANES > 0) sixteen(size % LANES);
  return f.finish();
}

/** Functions of one byte. */
export const TABLE_KERNELS: readonly NativeKernel<TableProblem>[] = [{
  target: "x64",
  name: `qu8_table_${LANES}x1__avx512`,
  kind: "table",
  supports: () => true,
  pack: ({ table }) => table,
  scratchBytes: () => 0,
  generate,
}];
