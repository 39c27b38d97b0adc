import { z } from "./schema.ts";
import { inputError, usageError } from "./error.ts";
import { MAX_RESIZE } from "./resize.ts";

const PositiveNumber = z.number().positive();
const PositiveInteger = z.int().positive();

/**
 * How pixels become the network's input, as artefacts record it:
 *
 *     input[c] = (pixel[c] / scale - mean[c]) / std[c]
 *
 * with 0 <= pixel <= 255. Integer data (uint8) are pixels and go through this; float data are the network's input
 * already and are taken as they are, the record then says how they were made.
 */
export const Preprocess = z.object({
  layout: z.enum(["NCHW", "NHWC"]).describe("order of the axes of the arrays given; the network's own is NCHW"),
  channels: PositiveInteger,
  mean: z.array(z.number()).describe("per channel, after division by scale"),
  std: z.array(PositiveNumber).describe("per channel, after division by scale"),
  scale: PositiveNumber.describe("what pixels are divided by first"),
  resize: z.tuple([PositiveInteger, PositiveInteger]).optional().describe("height and width images are resized to"),
}).superRefine((value, context) => {
  for (const key of ["mean", "std"] as const) {
    if (value[key].length !== value.channels) {
      context.addIssue({ code: "custom", path: [key], message: `expected ${value.channels} numbers, one per channel` });
    }
  }
});
export type Preprocess = z.infer<typeof Preprocess>;

export interface PreprocessOptions {
  /** Default NCHW. */
  readonly layout?: "NCHW" | "NHWC";
  /** One number, or one per channel. Default 0. */
  readonly mean?: readonly number[];
  /** One number, or one per channel. Default 1. */
  readonly std?: readonly number[];
  /** Default 255, so that pixels span 0 to 1. */
  readonly scale?: number;
  /** Height and width; images keep their size if left out. */
  readonly resize?: readonly [number, number];
}

/** @throws DyadError (usage) for values that no image can have. */
export function checkPreprocessOptions({ mean = [], std = [], scale = 255, resize = [1, 1] }: PreprocessOptions): void {
  if (!isPositiveFloat32(scale)) throw usageError(`found the scale ${scale}, expected a positive number`);
  if (!mean.every((value) => Number.isFinite(Math.fround(value)))) {
    throw usageError(`found the mean ${mean}, expected finite numbers`);
  }
  if (!std.every(isPositiveFloat32)) {
    throw usageError(`found the standard deviation ${std}, expected positive numbers`);
  }
  if (!resize.every((extent) => Number.isInteger(extent) && extent > 0 && extent <= MAX_RESIZE)) {
    throw usageError(`found the size ${resize.join("x")} to resize to, expected whole numbers in 1..${MAX_RESIZE}`);
  }
}

function isPositiveFloat32(value: number): boolean {
  return Math.fround(value) > 0 && Number.isFinite(Math.fround(value));
}

/**
 * The options with their defaults for images of `channels` channels.
 * @throws DyadError (usage) for a mean or std of another length, and for values that no image can have.
 */
export function makePreprocess(channels: number, options: PreprocessOptions = {}): Preprocess {
  checkPreprocessOptions(options);
  const { layout = "NCHW", mean = [0], std = [1], scale = 255, resize } = options;
  return {
    layout,
    channels,
    mean: perChannel("mean", mean, channels),
    std: perChannel("standard deviation", std, channels),
    scale,
    ...(resize !== undefined && { resize: [resize[0], resize[1]] }),
  };
}

function perChannel(what: string, values: readonly number[], channels: number): number[] {
  if (values.length === channels) return [...values];
  if (values.length === 1) return new Array<number>(channels).fill(values[0]);
  const expected = channels === 1 ? "1" : `1 or ${channels}, one per channel`;
  throw usageError(`found ${values.length} numbers for the ${what}, expected ${expected}`);
}

/**
 * The network's input for `pixels` in ONNX order (C, H, W). Every operation is rounded to float32, mean and std too, as
 * NumPy and PyTorch do in float32: the same pixels give the bits that training saw.
 */
export function normalisePixels(pixels: Uint8Array, preprocess: Preprocess): Float32Array {
  const { channels, mean, std, scale } = preprocess;
  const { fround } = Math;
  const plane = pixels.length / channels;
  const input = new Float32Array(pixels.length);
  const table = new Float32Array(256);
  for (let c = 0; c < channels; c++) {
    for (let pixel = 0; pixel < 256; pixel++) {
      table[pixel] = fround(fround(fround(pixel / fround(scale)) - fround(mean[c])) / fround(std[c]));
    }
    for (let i = c * plane; i < (c + 1) * plane; i++) input[i] = table[pixels[i]];
  }
  return input;
}

/** How far from a whole pixel value a float may map, in pixel steps: float32 rounding stays far below. */
const PIXEL_TOLERANCE = 1e-3;

/**
 * The pixels that `normalisePixels` would turn into `input`, pixel = round((x std + mean) scale).
 * @throws DyadError (input) naming `where` and the index for a value that does not come from a pixel that way.
 */
export function pixelsOfInput(input: Float32Array, preprocess: Preprocess, where: string): Uint8Array {
  const { channels, mean, std, scale } = preprocess;
  const plane = input.length / channels;
  return Uint8Array.from(input, (x, i) => {
    const c = Math.floor(i / plane);
    const value = (x * std[c] + mean[c]) * scale;
    const pixel = Math.round(value);
    if (!(Math.abs(value - pixel) <= PIXEL_TOLERANCE) || pixel < 0 || pixel > 255) {
      throw inputError(
        `${where}: the float data are not pixels normalised with mean ${mean[c]}, std ${std[c]} and scale ${scale}: ` +
          `element ${i} is ${x}, the pixel ${value}, expected a whole number in 0..255; give uint8 pixels, or the ` +
          `mean, std and scale that made the data`,
      );
    }
    return pixel;
  });
}
