import type { Node } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";
import type { Window } from "../tensor/window.ts";
import { channelSums } from "./channel_axis.ts";
import { betweenBounds, type ClampBounds, UNBOUNDED } from "./clamp_bounds.ts";
import { forEachTap } from "./for_each_tap.ts";
import { outputValues, withData } from "./linear_derivatives.ts";
import type { Derivatives, Operator } from "./operator.ts";

/** A layer as a convolution: pixels of `inputChannels`, weights [O, I / groups, kH, kW]. */
export interface LayerGeometry {
  readonly window: Window;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
}

/**
 * Derivatives of a layer Y = clamp(W * X + B), inputs X, W and optionally B: bilinear in X and W, linear in B, between the
 * bounds. `forward` of unbounded attributes is the product that the tangent adds up,
 *
 *     dY = W * dX + dW * X + dB        gX = W^T g        gW = g X^T        gB = sum of g over positions
 *     dgX = dW^T g                     dgW = g dX^T      dgB = 0           g = 0 where Y stands at a bound
 */
export function layerDerivatives<A extends ClampBounds>(
  forward: Operator<A>["forward"],
  geometryOf: (node: Node<A>, input: Shape, weight: Shape) => LayerGeometry,
): Derivatives<A> {
  return {
    tangent(node, point, [dx, dw, db]) {
      const [x, w, b] = point.inputs;
      const unbounded = { ...node, attributes: { ...node.attributes, ...UNBOUNDED } };
      const product = (inputs: (Tensor | undefined)[]): Float32Array =>
        (forward(unbounded, inputs, outputValues(node, point))[0] as FloatTensor).data;
      const sum = product([withData(x!, dx), w]);
      if (dw || db) {
        const more = product([x, withData(w!, dw), b && withData(b, db)]);
        for (let i = 0; i < sum.length; i++) sum[i] += more[i];
      }
      return [betweenBounds(sum, point.outputs[0], node.attributes)];
    },
    gradient(node, { inputs, outputs: [y] }, [gradient], wanted) {
      const [x, w, b] = inputs;
      const geometry = geometryOf(node, x!.shape, w!.shape);
      const g = betweenBounds(gradient, y, node.attributes);
      return [
        wanted[0] ? inputGradient(geometry, g, (w as FloatTensor).data) : undefined,
        wanted[1] ? weightGradient(geometry, g, (x as FloatTensor).data) : undefined,
        wanted[2] && b ? new Float32Array(channelSums(g, { stride: 1, channels: b.data.length })) : undefined,
      ].slice(0, inputs.length);
    },
    curvature(node, { inputs, outputs: [y] }, [dx, dw], [gradient], wanted) {
      const [x, w] = inputs;
      const geometry = geometryOf(node, x!.shape, w!.shape);
      const g = betweenBounds(gradient, y, node.attributes);
      return [
        wanted[0] && dw ? inputGradient(geometry, g, dw) : undefined,
        wanted[1] && dx ? weightGradient(geometry, g, dx) : undefined,
        undefined,
      ].slice(0, inputs.length);
    },
  };
}

function inputGradient(geometry: LayerGeometry, gradient: Float32Array, weights: Float32Array): Float32Array {
  const { window, inputChannels, outputChannels, groups } = geometry;
  const taps = window.kernelHeight * window.kernelWidth;
  const perGroup = inputChannels / groups;
  const perGroupOutputs = outputChannels / groups;
  const sums = new Float64Array(window.inputHeight * window.inputWidth * inputChannels);
  forEachTap(window, (position, pixel, tap) => {
    for (let o = 0; o < outputChannels; o++) {
      const g = gradient[position * outputChannels + o];
      const target = pixel * inputChannels + Math.floor(o / perGroupOutputs) * perGroup;
      const weight = o * perGroup * taps + tap;
      for (let i = 0; i < perGroup; i++) sums[target + i] += g * weights[weight + i * taps];
    }
  });
  return new Float32Array(sums);
}

function weightGradient(geometry: LayerGeometry, gradient: Float32Array, input: Float32Array): Float32Array {
  const { window, inputChannels, outputChannels, groups } = geometry;
  const taps = window.kernelHeight * window.kernelWidth;
  const perGroup = inputChannels / groups;
  const perGroupOutputs = outputChannels / groups;
  const sums = new Float64Array(outputChannels * perGroup * taps);
  forEachTap(window, (position, pixel, tap) => {
    for (let o = 0; o < outputChannels; o++) {
      const g = gradient[position * outputChannels + o];
      const source = pixel * inputChannels + Math.floor(o / perGroupOutputs) * perGroup;
      const target = o * perGroup * taps + tap;
      for (let i = 0; i < perGroup; i++) sums[target + i * taps] += g * input[source + i];
    }
  });
  return new Float32Array(sums);
}
