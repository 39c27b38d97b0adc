import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ArrayForm, decodeArray } from "./array_file.ts";
import type { DataFile } from "./data_file.ts";
import { inputError, usageError } from "./error.ts";
import { sha256 } from "./hash.ts";
import { fromPlanes, type Image, toPlanes } from "./pixels.ts";
import {
  fitImage,
  formatRequest,
  imageRequest,
  imageShape,
  matches,
  type SampleRequest,
  type Samples,
} from "./samples.ts";

/** An array of images: N images of C channels, with the channels outside the pixels (NCHW) or inside (NHWC). */
interface ImageArray {
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly channelsLast: boolean;
}

/**
 * The samples of an array file.
 *
 * For a model with inputs of C, H, W or H, W the array may be [N, C, H, W], or [N, H, W, C] where the layout says so;
 * [N, H, W] for one channel; or a single sample without N. For any other model it is [N, ...sample], or one sample.
 * uint8 arrays are pixels: grey and colour are converted to what the model takes, and resized if asked for. float32 and
 * float64 arrays are taken as they are.
 * @throws DyadError naming the file: (input) for another dtype or shape, NaN or infinite values, no samples; (usage) for
 * a resize of float data.
 */
export function arraySamples(file: DataFile, request: SampleRequest): Samples {
  const { name } = file;
  const { form, tensor } = decodeArray(file);
  const isPixels = tensor.dtype === "u8";
  if (!isPixels && tensor.dtype !== "f32" && tensor.dtype !== "f64") {
    throw inputError(
      `${name}: found elements of ${tensor.dtype}, expected u8 (pixels) or f32 or f64 (the network's own input)`,
    );
  }
  const images = imageArray(form, tensor.shape, request);
  if (request.preprocess.resize !== undefined && !(isPixels && images !== undefined)) {
    throw usageError(`${name}: holds ${tensor.dtype} data that are not images; leave --resize out`);
  }
  const samples = images === undefined
    ? plainSamples(tensor, request, name)
    : isPixels
    ? pixelSamples(tensor.data as Uint8Array, images, request, name)
    : floatImages(tensor, images, request, name);
  const data = samples.data instanceof Float64Array ? Float32Array.from(samples.data) : samples.data;
  if (samples.count === 0 || data.length === 0) {
    throw inputError(`${name}: found ${formatShape(tensor.shape)} elements, expected at least one sample`);
  }
  if (data instanceof Float32Array) checkFinite(data, sizeOf(samples.shape), name);
  return { ...samples, data, sha256: sha256(file.bytes), notes: [] };
}

interface ArraySamples extends Pick<Samples, "count" | "available" | "shape"> {
  readonly data: Uint8Array | Float32Array | Float64Array;
}

/** The array as images if the model takes images and the rank allows it. */
function imageArray(form: ArrayForm, shape: Shape, request: SampleRequest): ImageArray | undefined {
  const wanted = imageRequest(request.shape);
  if (wanted === undefined) return undefined;
  const channelsLast = request.preprocess.layout === "NHWC";
  const images = (count: number, channels: number, height: number, width: number, last = channelsLast): ImageArray => ({
    count,
    channels,
    height,
    width,
    channelsLast: last,
  });
  if (shape.length === 4) {
    const [count, a, b, c] = shape;
    return channelsLast ? images(count, c, a, b) : images(count, a, b, c);
  }
  if (shape.length === 3) {
    const [a, b, c] = shape;
    if (isSingleImage(form, shape, request)) return channelsLast ? images(1, c, a, b) : images(1, a, b, c);
    return images(a, 1, b, c, false);
  }
  if (shape.length === 2 && request.shape.length === 2) return images(1, 1, shape[0], shape[1], false);
  return undefined;
}

/**
 * Whether a rank-3 array is one image with its channels rather than N grey ones: where the extent in the place of the
 * channels is the model's channel count. (For one channel first, both readings are the same.)
 */
function isSingleImage(form: ArrayForm, shape: Shape, request: SampleRequest): boolean {
  if (form === "idx" || request.shape.length !== 3) return false;
  const [channels, , width] = request.shape;
  if (request.preprocess.layout === "NHWC") return shape[2] === channels && (channels !== 1 || width !== 1);
  return channels !== 1 && shape[0] === channels;
}

function plainSamples(tensor: Tensor, request: SampleRequest, where: string): ArraySamples {
  const isOne = tensor.shape.length === request.shape.length;
  const shape = isOne ? tensor.shape : tensor.shape.slice(1);
  if (!matches(shape, request.shape)) throw wrongShape(tensor, request, where);
  const available = isOne ? 1 : tensor.shape[0];
  return firstSamples(tensor.data as ArraySamples["data"], available, shape, request);
}

function wrongShape(tensor: Tensor, request: SampleRequest, where: string): Error {
  const layout = request.preprocess.layout ?? "NCHW";
  const hint = imageRequest(request.shape) === undefined ? "" : ` (layout ${layout}; see --layout)`;
  return inputError(
    `${where}: found ${formatShape(tensor.shape)} elements of ${tensor.dtype}, the model takes ` +
      `${formatRequest(request.shape)}${hint}`,
  );
}

function firstSamples(data: ArraySamples["data"], available: number, shape: Shape, request: SampleRequest) {
  const count = Math.min(available, request.limit);
  return { data: data.subarray(0, count * sizeOf(shape)), count, available, shape };
}

function floatImages(tensor: Tensor, images: ImageArray, request: SampleRequest, where: string): ArraySamples {
  const shape = imageShape(images, request.shape);
  if (!matches(shape, request.shape) || (shape.length === 2 && images.channels !== 1)) {
    throw wrongShape(tensor, request, where);
  }
  const samples = firstSamples(tensor.data as Float32Array | Float64Array, images.count, shape, request);
  if (!images.channelsLast || images.channels === 1) return samples;
  return { ...samples, data: channelsFirst(samples.data as Float32Array | Float64Array, images) };
}

function channelsFirst(data: Float32Array | Float64Array, { channels, height, width }: ImageArray): Float32Array {
  const pixels = height * width;
  const reordered = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += pixels * channels) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < pixels; i++) reordered[start + c * pixels + i] = data[start + i * channels + c];
    }
  }
  return reordered;
}

function pixelSamples(data: Uint8Array, images: ImageArray, request: SampleRequest, where: string): ArraySamples {
  const { channels, height, width, channelsLast } = images;
  const size = channels * height * width;
  const count = Math.min(images.count, request.limit);
  const imageAt = (index: number): Image => {
    const bytes = data.subarray(index * size, (index + 1) * size);
    return channelsLast || channels === 1
      ? { height, width, channels, data: bytes }
      : fromPlanes(bytes, channels, height, width);
  };
  if (count === 0 || size === 0) return { data: data.subarray(0, 0), count: 0, available: 0, shape: [] };
  const first = fitImage(imageAt(0), request, where);
  const shape = imageShape(first, request.shape);
  const isUnchanged = first.height === height && first.width === width && first.channels === channels;
  if (isUnchanged && (!channelsLast || channels === 1)) return firstSamples(data, images.count, shape, request);
  const fitted = new Uint8Array(count * sizeOf(shape));
  for (let i = 0; i < count; i++) {
    const target = fitted.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape));
    toPlanes(i === 0 ? first : fitImage(imageAt(i), request, where), target);
  }
  return { data: fitted, count, available: images.count, shape };
}

function checkFinite(data: Float32Array, size: number, where: string): void {
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw inputError(
    `${where}: found ${data[index]} in sample ${Math.floor(index / size)} at element ${
      index % size
    }, expected finite ` +
      `float32 numbers`,
  );
}
