import { activationStrides, type Shape } from "../tensor/shape.ts";

/** Where the channels of an activation lie in memory: element i belongs to channel floor(i / stride) % channels. */
export interface ChannelAxis {
  readonly stride: number;
  readonly channels: number;
}

/** The channels on `axis` of an activation; a scalar is one channel. */
export function channelAxis(shape: Shape, axis: number): ChannelAxis {
  return { stride: activationStrides(shape)[axis] ?? 1, channels: shape[axis] ?? 1 };
}

/** Extent of the axis that is innermost in memory: channels of an image, columns of a matrix. */
export function innermostExtent(shape: Shape): number {
  const strides = activationStrides(shape);
  const axis = strides.findLastIndex((stride, i) => stride === 1 && (shape.length !== 4 || i === 1));
  return shape[axis] ?? 1;
}

/** For every channel, the sum of values[i] factors[i] (without factors, of values[i]) over its elements, in memory order. */
export function channelSums(
  values: Float32Array,
  { stride, channels }: ChannelAxis,
  factors?: Float32Array,
): Float64Array {
  const sums = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    sums[Math.floor(i / stride) % channels] += factors ? values[i] * factors[i] : values[i];
  }
  return sums;
}

/** scale[c] x[i] + shift[c], c the channel of element i, rounded once to float32. */
export function scaledChannels(
  x: Float32Array,
  { stride, channels }: ChannelAxis,
  scale: ArrayLike<number>,
  shift?: ArrayLike<number>,
): Float32Array {
  const result = new Float32Array(x.length);
  for (let i = 0; i < result.length; i++) {
    const c = Math.floor(i / stride) % channels;
    result[i] = x[i] * scale[c] + (shift ? shift[c] : 0);
  }
  return result;
}
