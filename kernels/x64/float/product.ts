import type { FloatProductProblem } from "../../../lib/arith/problem.ts";
import { packRows, rowBlocks } from "../../float_product/packed_rows.ts";
import { KernelFunction } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { k, masked, memory, zmm } from "../operands.ts";

/** float64 elements of a vector, and the rows whose sums are made at a time. */
const LANES = 8;
const ROWS = 64;

const FACTOR = zmm(31);
/** The first of the registers of products. */
const PRODUCTS = 16;
/** The mask of the last vector, where rows do not fill it. */
const TAIL = k(3);

function generate({ rows, columns }: FloatProductProblem): Uint8Array {
  const f = new KernelFunction(1);
  const { constants: weights, output, inputs: [input] } = f;
  const x = f.free(f.scratch).take();
  if (rows % LANES > 0) f.mask(TAIL, (1 << rows % LANES) - 1);
  const block = (count: number): void => {
    const vectors = Array.from({ length: Math.ceil(count / LANES) }, (_, v) => v);
    for (const v of vectors) f.code.emit("vpxord", zmm(v), zmm(v), zmm(v));
    f.set(x, input);
    f.repeat(columns, () => {
      f.code.emit("vpbroadcastq", FACTOR, memory(x));
      for (const v of vectors) f.code.emit("vcvtps2pd", zmm(PRODUCTS + v), memory(weights, 4 * LANES * v));
      for (const v of vectors) f.code.emit("vmulpd", zmm(PRODUCTS + v), zmm(PRODUCTS + v), FACTOR);
      for (const v of vectors) f.code.emit("vaddpd", zmm(v), zmm(v), zmm(PRODUCTS + v));
      f.advance(x, 8).advance(weights, 4 * LANES * vectors.length);
    });
    for (const v of vectors) {
      const target = memory(output, 8 * LANES * v);
      f.code.emit("vmovdqu64", count < LANES * (v + 1) ? masked(target, TAIL) : target, zmm(v));
    }
    f.advance(output, 8 * count);
  };
  for (const { count, rows: size } of rowBlocks(rows, ROWS)) f.repeat(count, () => block(size));
  return f.finish();
}

/** Products of a float32 matrix and a float64 vector: the bits of the reference. */
export const FLOAT_PRODUCT_KERNELS: readonly NativeKernel<FloatProductProblem>[] = [{
  target: "x64",
  name: `f64_f32_product_${ROWS}x1__avx512`,
  kind: "float_product",
  supports: () => true,
  pack: (problem) => packRows(problem, ROWS, LANES),
  scratchBytes: () => 0,
  generate,
}];
