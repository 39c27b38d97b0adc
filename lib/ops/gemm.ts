import type { DynamicProductProblem } from "../arith/dynamic_product.ts";
import type { ConvolutionProblem, FloatConvolutionProblem } from "../arith/problem.ts";
import { clamp } from "../arith/round.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, tensor, zeros } from "../tensor/tensor.ts";
import { POINT_WINDOW, type Window } from "../tensor/window.ts";
import { sameAxisUnless } from "./batch_axis.ts";
import { type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { floatConstant, requireFloat } from "./float_operands.ts";
import { integerBias } from "./integer_bias.ts";
import { layerDerivatives } from "./layer_derivatives.ts";
import type { Cost, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { channelRequantization } from "./rescale.ts";

/** Y = X W^T + B over the last axis; X [..., K], W [O, K] constant, optional B [O] constant. */
export type GemmAttributes = ClampBounds;

const onnx: OnnxImport = {
  type: "Gemm",
  attributes: {
    alpha: { type: "float" },
    beta: { type: "float" },
    transA: { type: "int" },
    transB: { type: "int" },
  },
  translate(node: ImportNode) {
    if (node.attributes.transA === 1) node.fail("transA = 1 transposes an activation; expected transA = 0");
    const { alpha = 1, beta = 1, transB = 0 } = node.attributes as Record<string, number>;
    const matrix = matrixConstant(node, 1);
    const rows = transB === 1 ? matrix : transposed(matrix);
    const weight = alpha === 1 && transB === 1 ? node.inputs[1] : node.addConstant("weight", scaled(rows, alpha));
    const inputs = [node.inputs[0], weight];
    if (node.input(2) !== undefined) {
      const bias = floatConstant(node, 2, "bias");
      const width = rows.shape[0];
      const size = sizeOf(bias.shape);
      if (size !== 1 && size !== width) {
        node.fail(`the bias has shape [${bias.shape}], expected ${width} values or one`);
      }
      const expanded = Float32Array.from({ length: width }, (_, i) => beta * bias.data[size === 1 ? 0 : i]);
      inputs.push(node.addConstant("bias", tensor("f32", [width], expanded)));
    }
    return [{ op: "Gemm", inputs, outputs: node.outputs, attributes: { ...UNBOUNDED } }];
  },
};

/** A constant [rows, columns] operand. */
export function matrixConstant(node: ImportNode, index: number): FloatTensor {
  const matrix = floatConstant(node, index, "matrix");
  if (matrix.shape.length !== 2) node.fail(`the constant matrix has shape [${matrix.shape}], expected two axes`);
  return matrix;
}

/** [rows, columns] as [columns, rows]. */
export function transposed(matrix: FloatTensor): FloatTensor {
  const [rows, columns] = matrix.shape;
  const data = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) data[c * rows + r] = matrix.data[r * columns + c];
  }
  return tensor("f32", [columns, rows], data);
}

function scaled(matrix: FloatTensor, factor: number): FloatTensor {
  return factor === 1 ? matrix : tensor("f32", matrix.shape, matrix.data.map((v) => v * factor));
}

function infer(node: Node<GemmAttributes>, [x, w, b]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x, w, b]);
  const rank = x!.shape.length;
  if (rank < 1 || rank === 4) {
    throw nodeError(node, `found an input of rank ${rank}, expected rank 1, 2, 3 or more than 4`);
  }
  const [outputs, depth] = w!.shape;
  if (x!.shape[rank - 1] !== depth) {
    throw nodeError(node, `the input [${x!.shape}] has ${x!.shape[rank - 1]} columns, the weight takes ${depth}`);
  }
  if (b !== undefined && sizeOf(b.shape) !== outputs) {
    throw nodeError(node, `the bias has shape [${b.shape}], expected [${outputs}]`);
  }
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), outputs] }];
}

function forward(
  node: Node<GemmAttributes>,
  [x, w, b]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { low, high } = node.attributes;
  const [outputs, depth] = w!.shape;
  const input = (x as FloatTensor).data;
  const weights = (w as FloatTensor).data;
  const bias = (b as FloatTensor | undefined)?.data;
  const result = zeros("f32", output.shape);
  const rows = sizeOf(x!.shape) / depth;
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias?.[o] ?? 0;
      for (let k = 0; k < depth; k++) sum += input[row * depth + k] * weights[o * depth + k];
      result.data[row * outputs + o] = clamp(sum, low, high);
    }
  }
  return [result];
}

const derivatives = layerDerivatives<GemmAttributes>(forward, (_node, input, [outputChannels, inputChannels]) => ({
  window: rowWindow(sizeOf(input) / inputChannels),
  inputChannels,
  outputChannels,
  groups: 1,
}));

function lowerFloat(
  { attributes: { low, high } }: Node<GemmAttributes>,
  weights: Float32Array,
  bias: Float32Array | undefined,
  input: Value,
  output: Value,
): FloatConvolutionProblem {
  const inputChannels = input.shape.at(-1)!;
  const outputChannels = output.shape.at(-1)!;
  return {
    kind: "float_convolution",
    window: rowWindow(sizeOf(input.shape) / inputChannels),
    inputChannels,
    outputChannels,
    groups: 1,
    weights,
    bias: bias ?? new Float32Array(outputChannels),
    low,
    high,
  };
}

/** The rows of one image as the pixels of a 1x1 convolution. */
function rowWindow(rows: number): Window {
  return { ...POINT_WINDOW, inputWidth: rows, outputWidth: rows };
}

function lower(node: Node<GemmAttributes>, context: LoweringContext, outputType: ValueType): ConvolutionProblem {
  const { inputs: [input], weight, output } = context;
  const { values, codes, scales } = weight!;
  const outputChannels = outputType.shape.at(-1)!;
  const inputChannels = input.shape.at(-1)!;
  const accumulatorScales = scales.map((scale) => scale * input.quantization.scale);
  return {
    kind: "convolution",
    window: rowWindow(sizeOf(input.shape) / inputChannels),
    inputChannels,
    outputChannels,
    groups: 1,
    inputZeroPoint: input.quantization.zeroPoint,
    inputHigh: input.quantization.high,
    weights: values,
    codes,
    bias: integerBias(node, context.bias, accumulatorScales),
    output: output && channelRequantization(accumulatorScales, output, node.attributes),
  };
}

function lowerDynamic(
  node: Node<GemmAttributes>,
  { inputs: [input], weight, bias, output }: LoweringContext,
  outputType: ValueType,
  activationBits: number,
): DynamicProductProblem {
  const { values, codes, scales } = weight!;
  const inputs = input.shape.at(-1)!;
  const accumulatorScales = scales.map((scale) => scale * input.quantization.scale);
  return {
    kind: "dynamic_product",
    positions: sizeOf(input.shape) / inputs,
    inputs,
    outputs: outputType.shape.at(-1)!,
    activationBits,
    weights: values,
    codes,
    bias: integerBias(node, bias, accumulatorScales),
    output: channelRequantization(accumulatorScales, output!, node.attributes),
  };
}

function cost(_node: Node<GemmAttributes>, [x, w]: readonly (Value | undefined)[]): Cost {
  const parameters = sizeOf(w!.shape);
  return { macs: parameters * sizeOf(x!.shape) / w!.shape[1], parameters };
}

const operator: Operator<GemmAttributes> = {
  name: "Gemm",
  infer,
  forward,
  derivatives,
  quantization: "weighted",
  constants: "f32",
  samples: [
    { attributes: UNBOUNDED, inputs: [[1, 9], [5, 9], [5]] },
    { attributes: { low: 0, high: Infinity }, inputs: [[1, 3, 4], [2, 4]] },
  ],
  lower,
  lowerDynamic,
  lowerFloat,
  channelAxis: (output) => output.shape.length - 1,
  cost,
  batchAxes: sameAxisUnless((_node, axis, rank) => axis === rank - 1),
};

export const gemm = { onnx, operator };
