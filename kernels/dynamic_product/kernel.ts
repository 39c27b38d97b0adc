import type { DynamicProductProblem } from "../../lib/arith/dynamic_product.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitRowSums } from "../recurrent/row_sums.ts";
import { emitExactLanes } from "../requantize/dyadic_shift.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** Outputs of a block, and columns of a tile of weights. */
const ROWS = 4;
const COLUMNS = 8;

/** Positions in the parameters of a block, before its weights: b and c as int32, then b * bias + 2^(c-1) as int64. */
const MULTIPLIERS = 0;
const SHIFTS = 16;
const OFFSETS = 32;
const PARAMETER_BYTES = 64;

function columnTiles(inputs: number): number {
  return Math.ceil(inputs / COLUMNS);
}

/** Blocks of four outputs: parameters, then weights in tiles of 4 rows and 8 columns, 0 beyond the last of both. */
function pack({ inputs, outputs, weights, bias, output }: DynamicProductProblem): Uint8Array {
  const blockBytes = PARAMETER_BYTES + ROWS * COLUMNS * columnTiles(inputs);
  const bytes = new Uint8Array(Math.ceil(outputs / ROWS) * blockBytes);
  const view = new DataView(bytes.buffer);
  for (let o = 0; o < outputs; o++) {
    const start = Math.floor(o / ROWS) * blockBytes;
    const row = o % ROWS;
    const [b, c] = [output.multipliers[o], output.shifts[o]];
    view.setInt32(start + MULTIPLIERS + 4 * row, b, true);
    view.setInt32(start + SHIFTS + 4 * row, c, true);
    view.setBigInt64(start + OFFSETS + 8 * row, BigInt(bias[o]) * BigInt(b) + (1n << BigInt(c - 1)), true);
    for (let i = 0; i < inputs; i++) {
      const tile = start + PARAMETER_BYTES + Math.floor(i / COLUMNS) * ROWS * COLUMNS;
      view.setInt8(tile + row * COLUMNS + i % COLUMNS, weights[o * inputs + i]);
    }
  }
  return bytes;
}

/** Sets `exponent` to e of the vector at `input`. */
function emitExponent(
  f: FunctionBuilder,
  { inputs, activationBits }: DynamicProductProblem,
  input: Local,
  exponent: Local,
): void {
  const from = f.local("i32");
  const [largest, values] = f.locals("v128", 2);
  f.get(input).set(from).v128(new Int32Array(4)).set(largest);
  const four = (): void => {
    f.op("i32x4.abs").get(largest).op("i32x4.max_u").set(largest); // |-2^31| is 2^31 as unsigned
  };
  f.repeat(Math.floor(inputs / 4), () => {
    f.get(from).memory("v128.load");
    four();
    f.advance(from, 16);
  });
  const rest = inputs % 4;
  if (rest > 0) {
    const kept = Int32Array.from({ length: 4 }, (_, lane) => lane < rest ? -1 : 0);
    f.get(from).memory("v128.load").v128(kept).op("v128.and");
    four();
  }
  for (const swapped of [[8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7, 0, 1, 2, 3]]) {
    const order = Array.from({ length: 16 }, (_, i) => swapped[i] ?? i);
    f.get(largest).get(largest).shuffle(order).set(values);
    f.get(largest).get(values).op("i32x4.max_u").set(largest);
  }
  f.i32(33 - activationBits).get(largest).lane("i32x4.extract_lane", 0).op("i32.clz", "i32.sub").set(exponent);
  f.get(exponent).i32(0).get(exponent).i32(0).op("i32.gt_s", "select").set(exponent);
}

/** Writes q of the vector at `input` as int16, whole tiles; beyond its end weights are 0, whatever is read. */
function emitQuantized(
  f: FunctionBuilder,
  { inputs, activationBits }: DynamicProductProblem,
  input: Local,
  exponent: Local,
  target: Local,
): void {
  const end = 2 ** (activationBits - 1);
  const [from, to, left, right] = f.locals("i32", 4);
  const halves = f.locals("v128", 2);
  f.get(input).set(from).get(target).set(to);
  // (x + 2^(e-1)) >> e is ((x >> (e-1)) + 1) >> 1, which 32 bits hold; where e is 0, x << 1 in place of x >> (e-1).
  f.get(exponent).op("i32.eqz").tee(left).get(exponent).op("i32.add").i32(1).op("i32.sub").set(right);
  f.repeat(columnTiles(inputs), () => {
    halves.forEach((half, i) => {
      f.get(from).memory("v128.load", 16 * i).get(left).op("i32x4.shl").get(right).op("i32x4.shr_s");
      f.v128(new Int32Array(4).fill(1)).op("i32x4.add").i32(1).op("i32x4.shr_s");
      f.v128(new Int32Array(4).fill(-end)).op("i32x4.max_s");
      f.v128(new Int32Array(4).fill(end - 1)).op("i32x4.min_s").set(half);
    });
    f.get(to).get(halves[0]).get(halves[1]).op("i16x8.narrow_i32x4_s").memory("v128.store");
    f.advance(from, 4 * COLUMNS).advance(to, 2 * COLUMNS);
  });
}

/** Computes `lanes` (at most 4) outputs and moves `block` and `output` on. */
function emitOutputs(
  f: FunctionBuilder,
  { inputs, output: range }: DynamicProductProblem,
  lanes: number,
  { block, quantized, output, exponent }: Record<"block" | "quantized" | "output" | "exponent", Local>,
): void {
  const parameters = f.local("i32");
  const [sums, low, high] = f.locals("v128", 3);
  f.get(block).set(parameters).advance(block, PARAMETER_BYTES);
  emitRowSums(f, columnTiles(inputs), quantized, block, sums);
  ([["i64x2.extmul_low_i32x4_s", low], ["i64x2.extmul_high_i32x4_s", high]] as const).forEach(([multiply, v], half) => {
    f.get(sums).get(parameters).memory("v128.load", MULTIPLIERS).op(multiply);
    f.get(parameters).memory("v128.load", OFFSETS + 16 * half).get(exponent).op("i64x2.shr_s", "i64x2.add").set(v);
  });
  const push = (lane: number): void => {
    f.get(parameters).memory("i32.load", SHIFTS + 4 * lane).get(exponent).op("i32.sub");
  };
  emitExactLanes(f, [low, high], { per: "lane", push }, range, lanes, { base: output, offset: 0 });
  f.advance(output, lanes * bytesOf(range.dtype));
}

function emitBody(f: FunctionBuilder, problem: DynamicProductProblem): void {
  const { positions, inputs, outputs } = problem;
  const [constants, quantized, output, input] = f.parameters;
  const [block, exponent] = f.locals("i32", 2);
  const pointers = { block, quantized, output, exponent };
  f.repeat(positions, () => {
    emitExponent(f, problem, input, exponent);
    emitQuantized(f, problem, input, exponent, quantized);
    f.advance(input, 4 * inputs).get(constants).set(block);
    f.repeat(Math.floor(outputs / ROWS), () => emitOutputs(f, problem, ROWS, pointers));
    if (outputs % ROWS > 0) emitOutputs(f, problem, outputs % ROWS, pointers);
  });
}

const NAME = `qx_qs8c_dynamic_${ROWS}x${COLUMNS}__wasmsimd`;

/** Products whose input finds its scale at run time. */
export const DYNAMIC_PRODUCT_KERNELS: readonly WasmKernel<DynamicProductProblem>[] = [{
  name: NAME,
  kind: "dynamic_product",
  supports: () => true,
  pack,
  scratchBytes: ({ inputs }) => 2 * COLUMNS * columnTiles(inputs),
  emit: (problem, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => emitBody(f, problem)),
}];
