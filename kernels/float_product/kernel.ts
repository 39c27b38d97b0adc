import type { FloatProductProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";
import { packRows, rowBlocks } from "./packed_rows.ts";

/** Rows whose sums, two in a register, are made at a time. */
const ROWS = 16;
const LANES = 2;
const UNROLL = 4;

function emitBody(f: FunctionBuilder, { rows, columns }: FloatProductProblem): void {
  const [weights, , out, input] = f.parameters;
  const x = f.local("i32");
  const factor = f.local("v128");
  const sums = f.locals("v128", Math.ceil(Math.min(rows, ROWS) / LANES));

  const block = (count: number): void => {
    const used = sums.slice(0, Math.ceil(count / LANES));
    const column = (k: number): void => {
      f.get(x).memory("v128.load64_splat", 8 * k).set(factor);
      used.forEach((sum, i) => {
        f.get(sum).get(weights).memory("v128.load64_zero", 8 * (k * used.length + i)).op("f64x2.promote_low_f32x4");
        f.get(factor).op("f64x2.mul", "f64x2.add").set(sum);
      });
    };
    const run = (count: number): void => {
      for (let k = 0; k < count; k++) column(k);
      f.advance(x, 8 * count).advance(weights, 8 * used.length * count);
    };
    for (const sum of used) f.v128(new Float64Array(2)).set(sum);
    f.get(input).set(x);
    f.repeat(Math.floor(columns / UNROLL), () => run(UNROLL));
    run(columns % UNROLL);
    used.forEach((sum, i) =>
      emitStoreBytes(f, sum, 8 * Math.min(LANES, count - LANES * i), { base: out, offset: 16 * i })
    );
    f.advance(out, 8 * count);
  };
  for (const { count, rows: size } of rowBlocks(rows, ROWS)) f.repeat(count, () => block(size));
}

const NAME = `f64_f32_product_${ROWS}x1__wasmsimd`;

/** Products of a float32 matrix and a float64 vector. */
export const FLOAT_PRODUCT_KERNELS: readonly WasmKernel<FloatProductProblem>[] = [{
  name: NAME,
  kind: "float_product",
  supports: () => true,
  pack: (problem) => packRows(problem, ROWS, LANES),
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
