import { reorderedCodes, type WeightCodes } from "../arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem, FloatConvolutionProblem } from "../arith/problem.ts";
import { clamp } from "../arith/round.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { validTaps, type Window } from "../tensor/window.ts";
import { type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { floatConstant, requireFloat } from "./float_operands.ts";
import { integerBias } from "./integer_bias.ts";
import { layerDerivatives } from "./layer_derivatives.ts";
import type { Cost, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { channelRequantization } from "./rescale.ts";
import { parseWindow, WINDOW_ATTRIBUTES, type WindowAttributes, windowOver, withPads } from "./window_attributes.ts";

/** 2-D convolution, with groups; inputs X [N, C, H, W], W [O, C / groups, kH, kW], optional B [O]. */
export interface ConvAttributes extends WindowAttributes, ClampBounds {
  readonly groups: number;
}

/** Attributes of a depthwise 1x1 convolution: a factor and a summand for each of `groups` channels. */
export function channelwiseConv(groups: number, bounds: ClampBounds): ConvAttributes {
  return {
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    ceilMode: false,
    groups,
    ...bounds,
  };
}

const onnx: OnnxImport = {
  type: "Conv",
  attributes: { ...WINDOW_ATTRIBUTES, group: { type: "int" } },
  translate(node: ImportNode) {
    const weight = floatConstant(node, 1, "weights");
    if (weight.shape.length !== 4) {
      node.fail(`the weight has shape [${weight.shape}], expected four axes (O, I / groups, kH, kW)`);
    }
    if (node.input(2) !== undefined) floatConstant(node, 2, "bias");
    const groups = (node.attributes.group as number | undefined) ?? 1;
    const attributes: ConvAttributes = { ...parseWindow(node, weight.shape.slice(2)), groups, ...UNBOUNDED };
    return [{ op: "Conv", inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

function infer(node: Node<ConvAttributes>, [x, w, b]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x, w, b]);
  const window = windowOver(node.attributes, x!.shape);
  if (typeof window === "string") throw nodeError(node, window);
  const [outputs, perGroup] = w!.shape;
  const { groups } = node.attributes;
  if (x!.shape[1] !== perGroup * groups || outputs % groups !== 0) {
    throw nodeError(
      node,
      `${x!.shape[1]} input channels, ${groups} groups and a weight of shape [${w!.shape}] do not fit together`,
    );
  }
  if (b !== undefined && (b.shape.length !== 1 || b.shape[0] !== outputs)) {
    throw nodeError(node, `the bias has shape [${b.shape}], expected [${outputs}]`);
  }
  return [{ dtype: x!.dtype, shape: [x!.shape[0], outputs, window.outputHeight, window.outputWidth] }];
}

function forward(
  node: Node<ConvAttributes>,
  [x, w, b]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { groups, low, high } = node.attributes;
  const window = windowOver(node.attributes, x!.shape) as Window;
  const result = zeros("f32", output.shape);
  const [outputChannels, perGroup, kernelHeight, kernelWidth] = w!.shape;
  const inputChannels = perGroup * groups;
  const perGroupOutputs = outputChannels / groups;
  const input = (x as FloatTensor).data;
  const weights = (w as FloatTensor).data;
  const bias = (b as FloatTensor | undefined)?.data;
  const taps = kernelHeight * kernelWidth;
  let target = 0;
  for (let y = 0; y < window.outputHeight; y++) {
    const top = y * window.strideY - window.padTop;
    const [r0, r1] = validTaps(top, kernelHeight, window.dilationY, window.inputHeight);
    for (let column = 0; column < window.outputWidth; column++) {
      const left = column * window.strideX - window.padLeft;
      const [s0, s1] = validTaps(left, kernelWidth, window.dilationX, window.inputWidth);
      for (let o = 0; o < outputChannels; o++) {
        const firstChannel = Math.floor(o / perGroupOutputs) * perGroup;
        let sum = bias?.[o] ?? 0;
        for (let r = r0; r < r1; r++) {
          for (let s = s0; s < s1; s++) {
            const pixel = (top + r * window.dilationY) * window.inputWidth + left + s * window.dilationX;
            const source = pixel * inputChannels + firstChannel;
            const weight = o * perGroup * taps + r * kernelWidth + s;
            for (let i = 0; i < perGroup; i++) sum += input[source + i] * weights[weight + i * taps];
          }
        }
        result.data[target++] = clamp(sum, low, high);
      }
    }
  }
  return [result];
}

const derivatives = layerDerivatives<ConvAttributes>(forward, ({ attributes }, input, weight) => ({
  window: windowOver(attributes, input) as Window,
  inputChannels: input[1],
  outputChannels: weight[0],
  groups: attributes.groups,
}));

function lower(node: Node<ConvAttributes>, context: LoweringContext, outputType: ValueType): ConvolutionProblem {
  const { inputs: [input], weight, output } = context;
  const { values, codes, scales } = weight!;
  const window = windowOver(node.attributes, input.shape) as Window;
  const outputChannels = outputType.shape[1];
  const inputChannels = input.shape[1];
  const perGroup = inputChannels / node.attributes.groups;
  const taps = window.kernelHeight * window.kernelWidth;
  const accumulatorScales = scales.map((scale) => scale * input.quantization.scale);
  return {
    kind: "convolution",
    window,
    inputChannels,
    outputChannels,
    groups: node.attributes.groups,
    inputZeroPoint: input.quantization.zeroPoint,
    inputHigh: input.quantization.high,
    weights: channelsLast(values, outputChannels, perGroup, taps),
    codes: codes && channelsLastCodes(codes, outputChannels, perGroup, taps),
    bias: integerBias(node, context.bias, accumulatorScales),
    output: output && channelRequantization(accumulatorScales, output, node.attributes),
  };
}

function lowerFloat(
  node: Node<ConvAttributes>,
  weights: Float32Array,
  bias: Float32Array | undefined,
  input: Value,
  output: Value,
): FloatConvolutionProblem {
  const { groups, low, high } = node.attributes;
  const window = windowOver(node.attributes, input.shape) as Window;
  const [, inputChannels] = input.shape;
  const [, outputChannels] = output.shape;
  const taps = window.kernelHeight * window.kernelWidth;
  return {
    kind: "float_convolution",
    window,
    inputChannels,
    outputChannels,
    groups,
    weights: channelsLast(weights, outputChannels, inputChannels / groups, taps),
    bias: bias ?? new Float32Array(outputChannels),
    low,
    high,
  };
}

/** [O, I, taps] to [O, taps, I], the order of problems. */
function channelsLast<T extends Int8Array | Float32Array>(
  weights: T,
  outputs: number,
  inputs: number,
  taps: number,
): T {
  const result = weights.slice() as T;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let t = 0; t < taps; t++) result[(o * taps + t) * inputs + i] = weights[(o * inputs + i) * taps + t];
    }
  }
  return result;
}

/** Codes of weights [O, I, taps] as those of [O, taps, I]. */
function channelsLastCodes(codes: WeightCodes, outputs: number, inputs: number, taps: number): WeightCodes {
  if (taps === 1) return codes;
  const from = Array.from({ length: inputs * taps }, (_, i) => i % inputs * taps + Math.floor(i / inputs));
  return reorderedCodes(codes, outputs, from);
}

function cost(_node: Node<ConvAttributes>, [, w]: readonly (Value | undefined)[], output: Value): Cost {
  const [outputs, perGroup, kernelHeight, kernelWidth] = w!.shape;
  const perPixel = outputs * perGroup * kernelHeight * kernelWidth;
  return { macs: perPixel * output.shape[2] * output.shape[3], parameters: perPixel };
}

const operator: Operator<ConvAttributes> = {
  name: "Conv",
  infer,
  forward,
  derivatives,
  quantization: "weighted",
  constants: "f32",
  samples: [
    {
      attributes: {
        kernel: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [1, 1, 1, 1],
        ceilMode: false,
        groups: 1,
        low: 0,
        high: Infinity,
      },
      inputs: [[1, 3, 5, 6], [4, 3, 3, 3], [4]],
    },
    {
      attributes: {
        kernel: [3, 3],
        strides: [2, 2],
        dilations: [2, 1],
        pads: [0, 1, 2, 1],
        ceilMode: false,
        groups: 2,
        ...UNBOUNDED,
      },
      inputs: [[1, 4, 7, 7], [6, 2, 3, 3], [6]],
    },
    {
      attributes: {
        kernel: [3, 2],
        strides: [2, 1],
        dilations: [1, 1],
        pads: [1, 0, 1, 1],
        ceilMode: false,
        groups: 5,
        low: 0,
        high: 6,
      },
      inputs: [[1, 5, 6, 6], [5, 1, 3, 2], [5]],
    },
    {
      attributes: {
        kernel: [1, 1],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0, 0, 0, 0],
        ceilMode: false,
        groups: 1,
        ...UNBOUNDED,
      },
      inputs: [[1, 8, 4, 4], [3, 8, 1, 1]],
    },
  ],
  lower,
  lowerFloat,
  channelAxis: () => 1,
  absorbPadding: ({ attributes }, pads, value) => value === 0 ? withPads(attributes, pads) : undefined,
  cost,
};

export const conv = { onnx, operator };
