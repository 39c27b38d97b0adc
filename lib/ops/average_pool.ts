import { type Dyadic, dyadicFromRatio } from "../arith/dyadic.ts";
import type { AveragePoolProblem, FloatAveragePoolProblem } from "../arith/problem.ts";
import type { Node, Value } from "../ir/graph.ts";
import { type FloatTensor, type Tensor, zeros } from "../tensor/tensor.ts";
import { validTaps, type Window } from "../tensor/window.ts";
import { forEachTap } from "./for_each_tap.ts";
import { linearTangent } from "./linear_derivatives.ts";
import { inferPool } from "./max_pool.ts";
import type { Derivatives, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { outputRange, storageOf } from "./rescale.ts";
import { parseWindow, WINDOW_ATTRIBUTES, type WindowAttributes, windowOver, withPads } from "./window_attributes.ts";

export interface AveragePoolAttributes extends WindowAttributes {
  /** Padding counts as zeros in the mean; otherwise the mean is over the taps inside the image. */
  readonly countIncludePad: boolean;
}

const onnx: OnnxImport = {
  type: "AveragePool",
  attributes: {
    ...WINDOW_ATTRIBUTES,
    dilations: { type: "ints", since: 19 },
    ceil_mode: { type: "int", since: 10 },
    count_include_pad: { type: "int" },
  },
  translate(node: ImportNode) {
    const kernel = node.attributes.kernel_shape as number[] | undefined;
    if (kernel === undefined) node.fail("attribute kernel_shape is missing");
    const attributes: AveragePoolAttributes = {
      ...parseWindow(node, kernel),
      countIncludePad: node.attributes.count_include_pad === 1,
    };
    return [{ op: "AveragePool", inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

/** Attributes of the mean over the whole image. */
export function globalPool(height: number, width: number): AveragePoolAttributes {
  return {
    kernel: [height, width],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    ceilMode: false,
    countIncludePad: false,
  };
}

/**
 * What each output position divides by, row-major: the taps inside the image, or, where padding counts, the taps inside
 * the padded image (a window that hangs over the padded image with ceil_mode does not count what lies beyond). At least
 * 1: a window that lies in the padding altogether has the mean 0.
 */
function averagePoolDivisors(window: Window, countIncludePad: boolean): Int32Array {
  const divisors = new Int32Array(window.outputHeight * window.outputWidth);
  if (!countIncludePad) {
    forEachTap(window, (position) => divisors[position]++);
    return divisors.map((taps) => Math.max(taps, 1));
  }
  const count = (index: number, stride: number, before: number, kernel: number, dilation: number, end: number) => {
    const origin = index * stride - before;
    return Math.min(kernel, Math.ceil((end - origin) / dilation));
  };
  for (let y = 0; y < window.outputHeight; y++) {
    const bottom = window.inputHeight + window.padBottom;
    const rows = count(y, window.strideY, window.padTop, window.kernelHeight, window.dilationY, bottom);
    for (let x = 0; x < window.outputWidth; x++) {
      const right = window.inputWidth + window.padRight;
      const columns = count(x, window.strideX, window.padLeft, window.kernelWidth, window.dilationX, right);
      divisors[y * window.outputWidth + x] = rows * columns;
    }
  }
  return divisors;
}

function forward(
  node: Node<AveragePoolAttributes>,
  [x]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const w = windowOver(node.attributes, x!.shape) as Window;
  const divisors = averagePoolDivisors(w, node.attributes.countIncludePad);
  const result = zeros("f32", output.shape);
  const channels = output.shape[1];
  const sums = new Float64Array(channels);
  const input = (x as FloatTensor).data;
  for (let y = 0, position = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [r0, r1] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let column = 0; column < w.outputWidth; column++, position++) {
      const left = column * w.strideX - w.padLeft;
      const [s0, s1] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      sums.fill(0);
      for (let r = r0; r < r1; r++) {
        for (let s = s0; s < s1; s++) {
          const source = ((top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX) * channels;
          for (let c = 0; c < channels; c++) sums[c] += input[source + c];
        }
      }
      const divisor = divisors[position];
      for (let c = 0; c < channels; c++) result.data[position * channels + c] = sums[c] / divisor;
    }
  }
  return [result];
}

const derivatives: Derivatives<AveragePoolAttributes> = {
  tangent: linearTangent(forward),
  gradient({ attributes }, { inputs: [x] }, [g], [wanted]) {
    if (!wanted) return [undefined];
    const { shape } = x!;
    const window = windowOver(attributes, shape) as Window;
    const divisors = averagePoolDivisors(window, attributes.countIncludePad);
    const channels = shape[1];
    const sums = new Float64Array(x!.data.length);
    forEachTap(window, (position, pixel) => {
      const divisor = divisors[position];
      for (let c = 0; c < channels; c++) sums[pixel * channels + c] += g[position * channels + c] / divisor;
    });
    return [new Float32Array(sums)];
  },
};

function lower(
  node: Node<AveragePoolAttributes>,
  { inputs: [input], output }: LoweringContext,
): AveragePoolProblem {
  const window = windowOver(node.attributes, input.shape) as Window;
  const divisors = averagePoolDivisors(window, node.attributes.countIncludePad);
  const { scale, zeroPoint, bits } = input.quantization;
  const rescales = new Map<number, Dyadic>();
  for (const divisor of [...new Set(divisors)].sort((a, b) => a - b)) {
    rescales.set(divisor, dyadicFromRatio(scale / (divisor * output!.quantization.scale)));
  }
  return {
    kind: "average_pool",
    window,
    channels: input.shape[1],
    inputDtype: storageOf(bits),
    inputZeroPoint: zeroPoint,
    divisors,
    rescales,
    output: outputRange(output!),
  };
}

function lowerComputed(
  { attributes }: Node<AveragePoolAttributes>,
  [{ shape }]: readonly Value[],
): FloatAveragePoolProblem {
  const window = windowOver(attributes, shape) as Window;
  const divisors = averagePoolDivisors(window, attributes.countIncludePad);
  return { kind: "float_average_pool", window, channels: shape[1], divisors };
}

/** The zeros of the padding are counted; the pool's own zeros must then be counted too, or be absent. */
function absorbPadding(
  { attributes }: Node<AveragePoolAttributes>,
  pads: readonly [number, number, number, number],
  value: number,
): AveragePoolAttributes | undefined {
  if (value !== 0 || !(attributes.countIncludePad || Math.max(...attributes.pads) === 0)) return undefined;
  return { ...withPads(attributes, pads), countIncludePad: true };
}

const operator: Operator<AveragePoolAttributes> = {
  name: "AveragePool",
  infer: inferPool,
  forward,
  derivatives,
  quantization: "rescaling",
  samples: [
    {
      attributes: {
        kernel: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [1, 1, 1, 1],
        ceilMode: false,
        countIncludePad: true,
      },
      inputs: [[1, 3, 5, 5]],
    },
    {
      attributes: {
        kernel: [3, 3],
        strides: [2, 2],
        dilations: [1, 1],
        pads: [1, 0, 1, 1],
        ceilMode: false,
        countIncludePad: false,
      },
      inputs: [[1, 3, 5, 4]],
    },
    { attributes: globalPool(4, 3), inputs: [[1, 5, 4, 3]] },
    {
      attributes: {
        kernel: [2, 2],
        strides: [2, 2],
        dilations: [1, 1],
        pads: [2, 0, 0, 2],
        ceilMode: false,
        countIncludePad: false,
      },
      inputs: [[1, 2, 4, 4]],
    },
  ],
  lower,
  lowerComputed,
  absorbPadding,
};

export const average_pool = { onnx, operator };
