import type { FloatSumProblem } from "../../../lib/arith/problem.ts";
import { emitByteMask, emitByteRun } from "../byte_run.ts";
import { KernelFunction, REGISTER_INPUTS } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";

const LOWEST = 30;
const HIGHEST = 31;

function generate({ size, terms }: FloatSumProblem): Uint8Array {
  const f = new KernelFunction(terms);
  const { constants, output, inputs } = f;
  const [first, ...others] = inputs;
  f.code.emit("vpbroadcastd", zmm(LOWEST), memory(constants)).emit("vpbroadcastd", zmm(HIGHEST), memory(constants, 4));
  emitByteMask(f, 4 * size);
  emitByteRun(f, 4 * size, [...inputs, output], (pieces) => {
    pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.vector(i), piece.read(first)));
    for (const input of others) {
      pieces.forEach((piece, i) => f.code.emit("vaddps", piece.vector(i), piece.vector(i), piece.read(input)));
    }
    // Of an unordered pair the second operand is taken, so a NaN stays.
    pieces.forEach((piece, i) => f.code.emit("vmaxps", piece.vector(i), piece.vector(LOWEST), piece.vector(i)));
    pieces.forEach((piece, i) => f.code.emit("vminps", piece.vector(i), piece.vector(HIGHEST), piece.vector(i)));
    pieces.forEach((piece, i) => f.code.emit("vmovdqu8", piece.written(output), piece.vector(i)));
  });
  return f.finish();
}

/** float32 sums with limits, of as many terms as registers hold. */
export const FLOAT_SUM_KERNELS: readonly NativeKernel<FloatSumProblem>[] = [{
  target: "x64",
  name: "f32_sum_16x1__avx512",
  kind: "float_sum",
  supports: ({ terms }) => terms <= REGISTER_INPUTS,
  pack: ({ low, high }) => new Uint8Array(Float32Array.of(low, high).buffer),
  scratchBytes: () => 0,
  generate,
}];
