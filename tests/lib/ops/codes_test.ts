import assert from "node:assert/strict";
import { codeGroupColumns } from "../../../lib/arith/binary_codes/coded_matrix.ts";
import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";

const UNBOUNDED: Record<string, unknown> = { low: -Infinity, high: Infinity };
const ACTIVATION = { bits: 8, scale: 0.1, zeroPoint: 3, low: 0, high: 255 };

/** The problem of a layer whose weights, of this shape, are codes in the groups that it can have. */
function lowered(
  op: string,
  attributes: Record<string, unknown>,
  weightShape: number[],
  input: number[],
  output: number[],
) {
  const random = seededRandom(sizeOf(weightShape));
  const [rows] = weightShape;
  const columns = sizeOf(weightShape) / rows;
  const groupColumns = codeGroupColumns(weightShape, 2);
  const elements = Uint8Array.from({ length: rows * columns }, () => random.integer(0, 3));
  const multipliers = Int8Array.from(
    { length: rows * Math.ceil(columns / groupColumns) * 2 },
    () => random.integer(-63, 63),
  );
  const codes = { bits: 2, groupColumns, planes: packPlanes(elements, rows, columns, 2), multipliers };
  const node = { name: "layer", op, inputs: ["x", "w"], outputs: ["y"], attributes };
  const weight = { values: codedWeights(codes, rows, columns), codes, scales: new Float64Array(rows).fill(0.01) };
  const context = { inputs: [{ shape: input, quantization: ACTIVATION }], weight };
  return {
    weight,
    problem: operatorOf(op).lower!(node, context, { dtype: "f32", shape: output }) as ConvolutionProblem,
  };
}

Deno.test("a convolution's codes lie in the order of its weights, taps before channels", () => {
  const attributes = {
    kernel: [2, 3],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
    ...UNBOUNDED,
  };
  const { weight, problem } = lowered("Conv", { ...attributes, ceilMode: false }, [4, 3, 2, 3], [1, 3, 5, 5], [
    1,
    4,
    4,
    3,
  ]);
  assert.notDeepEqual(problem.weights, weight.values);
  assert.deepEqual(codedWeights(problem.codes!, 4, 18), problem.weights);
});

Deno.test("codes of layers without taps are in groups of columns, as they were made", () => {
  const attributes = {
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
    ...UNBOUNDED,
  };
  for (
    const { weight, problem } of [
      lowered("Conv", { ...attributes, ceilMode: false }, [4, 5, 1, 1], [1, 5, 2, 2], [1, 4, 2, 2]),
      lowered("Gemm", UNBOUNDED, [4, 5], [1, 5], [1, 4]),
    ]
  ) {
    assert.equal(problem.codes, weight.codes);
    assert.equal(problem.codes!.groupColumns, 2);
    assert.deepEqual(codedWeights(problem.codes!, 4, 5), problem.weights);
  }
});
