import type { FloatMaxPoolProblem, MaxPoolProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import type { Window } from "../tensor/window.ts";
import { requireFloat } from "./float_operands.ts";
import { forEachTap } from "./for_each_tap.ts";
import type { Derivatives, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { storageOf } from "./rescale.ts";
import { parseWindow, WINDOW_ATTRIBUTES, type WindowAttributes, windowOver, withPads } from "./window_attributes.ts";

const onnx: OnnxImport = {
  type: "MaxPool",
  attributes: {
    ...WINDOW_ATTRIBUTES,
    ceil_mode: { type: "int", since: 10 },
    storage_order: { type: "int" },
  },
  translate(node: ImportNode) {
    const kernel = node.attributes.kernel_shape as number[] | undefined;
    if (kernel === undefined) node.fail("attribute kernel_shape is missing");
    const attributes = parseWindow(node, kernel);
    return [{ op: "MaxPool", inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

/** Also the output type of an average pool: channels stay, the window sets the extents. */
export function inferPool(node: Node<WindowAttributes>, [x]: readonly (Value | undefined)[]): ValueType[] {
  requireFloat(node, [x]);
  const window = windowOver(node.attributes, x!.shape);
  if (typeof window === "string") throw nodeError(node, window);
  const [batch, channels] = x!.shape;
  return [{ dtype: x!.dtype, shape: [batch, channels, window.outputHeight, window.outputWidth] }];
}

function forward(
  node: Node<WindowAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const window = windowOver(node.attributes, x!.shape) as Window;
  const result = zeros("f32", output.shape);
  const channels = output.shape[1];
  const input = (x as FloatTensor).data;
  result.data.fill(-Infinity);
  forEachTap(window, (position, pixel) => {
    for (let c = 0; c < channels; c++) {
      const value = input[pixel * channels + c];
      if (value > result.data[position * channels + c]) result.data[position * channels + c] = value;
    }
  });
  return [result];
}

/** For every element of the output, the index in the input of its first largest tap; -1 where no tap lies inside. */
function largestTaps(node: Node<WindowAttributes>, x: Tensor, size: number): Int32Array {
  const input = (x as FloatTensor).data;
  const channels = x.shape[1];
  const largest = new Int32Array(size).fill(-1);
  forEachTap(windowOver(node.attributes, x.shape) as Window, (position, pixel) => {
    for (let c = 0; c < channels; c++) {
      const element = position * channels + c;
      const source = pixel * channels + c;
      if (input[source] > (largest[element] < 0 ? -Infinity : input[largest[element]])) largest[element] = source;
    }
  });
  return largest;
}

const derivatives: Derivatives<WindowAttributes> = {
  tangent(node, { inputs: [x], outputs: [y] }, [dx]) {
    const tangent = new Float32Array(y.data.length);
    if (dx) largestTaps(node, x!, tangent.length).forEach((source, i) => tangent[i] = source < 0 ? 0 : dx[source]);
    return [tangent];
  },
  gradient(node, { inputs: [x] }, [g], [wanted]) {
    if (!wanted) return [undefined];
    const sums = new Float64Array(x!.data.length);
    largestTaps(node, x!, g.length).forEach((source, i) => {
      if (source >= 0) sums[source] += g[i];
    });
    return [new Float32Array(sums)];
  },
};

function lower(node: Node<WindowAttributes>, { inputs: [input] }: LoweringContext): MaxPoolProblem {
  return {
    kind: "max_pool",
    window: windowOver(node.attributes, input.shape) as Window,
    channels: input.shape[1],
    dtype: storageOf(input.quantization.bits),
  };
}

function lowerComputed({ attributes }: Node<WindowAttributes>, [{ shape }]: readonly Value[]): FloatMaxPoolProblem {
  return { kind: "float_max_pool", window: windowOver(attributes, shape) as Window, channels: shape[1] };
}

const operator: Operator<WindowAttributes> = {
  name: "MaxPool",
  infer: inferPool,
  forward,
  derivatives,
  quantization: "sharing",
  samples: [
    {
      attributes: { kernel: [3, 3], strides: [2, 2], dilations: [1, 1], pads: [1, 1, 1, 1], ceilMode: false },
      inputs: [[1, 3, 6, 5]],
    },
    {
      attributes: { kernel: [2, 2], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0], ceilMode: true },
      inputs: [[1, 2, 5, 5]],
    },
  ],
  lower,
  lowerComputed,
  absorbPadding: ({ attributes }, pads, value) => value === -Infinity ? withPads(attributes, pads) : undefined,
};

export const max_pool = { onnx, operator };
