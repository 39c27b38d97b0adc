import type { Node, Value } from "../../../lib/ir/graph.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import type { DType } from "../../../lib/tensor/dtype.ts";
import type { Shape } from "../../../lib/tensor/shape.ts";
import { expectError } from "../format/expect_error.ts";

const WINDOW = { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], ceilMode: false };
const CONV = { ...WINDOW, groups: 1, low: -Infinity, high: Infinity };
const RECURRENT = { isReverse: false, activations: [], clip: Infinity, variant: false };
const UNBOUNDED = { low: -Infinity, high: Infinity };

interface Misfit {
  readonly op: string;
  readonly attributes: Node["attributes"];
  readonly inputs: readonly Shape[];
  readonly dtype?: DType;
  /** In the message, besides the node's name and operator. */
  readonly expected: RegExp;
}

/** Nodes whose inputs do not fit, and what of them the error names. */
const MISFITS: readonly Misfit[] = [
  {
    op: "Add",
    attributes: UNBOUNDED,
    inputs: [[1, 2, 3], [1, 3, 2]],
    expected: /\[1,2,3\].*\[1,3,2\], expected equal/,
  },
  { op: "Add", attributes: UNBOUNDED, inputs: [[1], [1]], dtype: "i64", expected: /in0 holds i64, expected float32/ },
  { op: "AveragePool", attributes: WINDOW, inputs: [[1, 2, 2, 2]], expected: /3x3 window does not fit the 2x2 image/ },
  { op: "AveragePool", attributes: WINDOW, inputs: [[1, 2, 8]], expected: /rank 3, expected rank 4/ },
  {
    op: "BatchNormalization",
    attributes: { epsilon: 1e-5 },
    inputs: [[1, 3, 2], [3], [3], [2], [3]],
    expected: /mean has shape \[2\], expected \[3\]/,
  },
  {
    op: "BatchNormalization",
    attributes: { epsilon: 1e-5 },
    inputs: [[3], [3], [3], [3], [3]],
    expected: /input of rank 1, expected N, C/,
  },
  { op: "ChannelAffine", attributes: { axis: 1, ...UNBOUNDED }, inputs: [[1, 3, 2], [4], [4]], expected: /4 channels/ },
  { op: "Clip", attributes: UNBOUNDED, inputs: [[1, 3]], dtype: "i32", expected: /in0 holds i32/ },
  { op: "Concat", attributes: { axis: 1 }, inputs: [[1, 2, 3], [1, 2, 4]], expected: /in1 of shape \[1,2,4\].*than 1/ },
  { op: "Conv", attributes: CONV, inputs: [[1, 3, 8, 8], [4, 2, 3, 3]], expected: /3 input channels, 1 groups/ },
  { op: "Conv", attributes: { ...CONV, groups: 2 }, inputs: [[1, 4, 8, 8], [3, 2, 3, 3]], expected: /2 groups/ },
  { op: "Conv", attributes: CONV, inputs: [[1, 2, 8, 8], [4, 2, 3, 3], [3]], expected: /bias has shape \[3\].*\[4\]/ },
  { op: "Conv", attributes: CONV, inputs: [[1, 2, 2, 8], [4, 2, 3, 3]], expected: /does not fit the 2x8 image/ },
  {
    op: "Gemm",
    attributes: UNBOUNDED,
    inputs: [[1, 5], [3, 4]],
    expected: /\[1,5\] has 5 columns, the weight takes 4/,
  },
  { op: "Gemm", attributes: UNBOUNDED, inputs: [[1, 2, 3, 4], [3, 4]], expected: /input of rank 4/ },
  {
    op: "Gemm",
    attributes: UNBOUNDED,
    inputs: [[1, 4], [3, 4], [2]],
    expected: /bias has shape \[2\], expected \[3\]/,
  },
  {
    op: "Gather",
    attributes: { axis: 0 },
    inputs: [[4, 2], [3]],
    expected: /the indices in1 hold f32, expected int32/,
  },
  {
    op: "GRU",
    attributes: RECURRENT,
    inputs: [[2, 6], [6, 2]],
    expected: /the gates have shape \[2,6\] and R \[6,2\]/,
  },
  {
    op: "LSTM",
    attributes: RECURRENT,
    inputs: [[2, 1, 8], [6, 2]],
    expected: /R \(in1\) has shape \[6,2\], expected \[8,2\]/,
  },
  {
    op: "RNN",
    attributes: RECURRENT,
    inputs: [[2, 1, 2], [2, 2], [2], [1]],
    expected: /sequence_lens \(in3\) holds f32, expected int32/,
  },
  { op: "Sigmoid", attributes: {}, inputs: [[1, 3]], dtype: "i64", expected: /in0 holds i64, expected float32/ },
  { op: "MatMul", attributes: {}, inputs: [[1, 2, 3], [1, 2, 3]], expected: /\[1,2,3\] and \[1,2,3\], whose extents/ },
  { op: "MatMul", attributes: {}, inputs: [[2, 2, 3], [3, 3, 2]], expected: /whose extents do not fit/ },
  { op: "MatMul", attributes: {}, inputs: [[3], [1, 3, 2]], expected: /expected two or more axes each/ },
  { op: "MaxPool", attributes: WINDOW, inputs: [[1, 2, 3, 2]], expected: /does not fit the 3x2 image/ },
  { op: "Pad", attributes: { before: [0, -3], after: [0, 0], value: 0 }, inputs: [[1, 3]], expected: /shape \[1,0\]/ },
  {
    op: "Reshape",
    attributes: { shape: [1, 7] },
    inputs: [[1, 2, 3]],
    expected: /cannot reshape \[1,2,3\] to \[1,7\]/,
  },
  { op: "Transpose", attributes: { permutation: [0, 2, 1] }, inputs: [[1, 3]], expected: /perm \[0,2,1\].*\[1,3\]/ },
];

for (const { op, attributes, inputs, dtype = "f32", expected } of MISFITS) {
  Deno.test(`${op} of ${dtype} ${inputs.map((shape) => `[${shape}]`).join(", ")} is an error that names the node`, () => {
    const values = inputs.map((shape, i): Value => ({ name: `in${i}`, dtype, shape }));
    const node: Node = { name: "n7", op, attributes, inputs: values.map(({ name }) => name), outputs: ["out"] };
    expectError("input", () => operatorOf(op).infer(node, values), `node n7 (${op}): `, expected);
  });
}
