import type { Shape } from "../tensor/shape.ts";
import { inputError } from "./error.ts";
import type { PreprocessOptions } from "./preprocess.ts";
import { canConvertChannels, type Image, toChannels } from "./pixels.ts";
import { resizeBilinear } from "./resize.ts";

/** Extents of one sample as the model declares them, ONNX order; undefined where any extent will do. */
export type SampleShape = readonly (number | undefined)[];

/** What the model and the options ask of data. */
export interface SampleRequest {
  readonly shape: SampleShape;
  readonly preprocess: PreprocessOptions;
  /** Most samples to take. */
  readonly limit: number;
}

/** Samples read from files, one after another in ONNX order. */
export interface Samples {
  readonly data: Uint8Array | Float32Array;
  readonly count: number;
  /** Samples in the files, those beyond the limit too. */
  readonly available: number;
  readonly shape: Shape;
  readonly sha256: string;
  readonly names?: readonly string[];
  readonly notes: readonly string[];
}

/** `Nx1x28x28`, with `?` for any extent. */
export function formatRequest(shape: SampleShape): string {
  return ["N", ...shape.map((extent) => extent ?? "?")].join("x");
}

export function matches(found: Shape, wanted: SampleShape): boolean {
  return found.length === wanted.length &&
    found.every((extent, axis) => wanted[axis] === undefined || extent === wanted[axis]);
}

/** Channels, height and width that a sample shape of images asks for: C, H, W, or H, W for one channel. */
export function imageRequest(
  shape: SampleShape,
): { channels?: number; height?: number; width?: number } | undefined {
  if (shape.length === 2) return { channels: 1, height: shape[0], width: shape[1] };
  if (shape.length === 3) return { channels: shape[0], height: shape[1], width: shape[2] };
  return undefined;
}

/** The sample shape, of the rank asked for, of images of this size. */
export function imageShape(image: Omit<Image, "data">, request: SampleShape): number[] {
  return request.length === 2 ? [image.height, image.width] : [image.channels, image.height, image.width];
}

/**
 * An image with the channels asked for, then resized if asked for.
 * @throws DyadError (input) naming `where` for channels that cannot be converted, or a size that the model does not take.
 */
export function fitImage(image: Image, request: SampleRequest, where: string): Image {
  const wanted = imageRequest(request.shape) ?? {};
  const channels = wanted.channels ?? image.channels;
  if (!canConvertChannels(image.channels, channels)) {
    throw inputError(`${where}: found ${image.channels} channels, expected ${channels}; see --layout for arrays`);
  }
  const converted = toChannels(image, channels);
  const { resize } = request.preprocess;
  const fitted = resize === undefined ? converted : resizeBilinear(converted, resize[0], resize[1]);
  const height = wanted.height ?? fitted.height;
  const width = wanted.width ?? fitted.width;
  if (fitted.height !== height || fitted.width !== width) {
    const how = resize === undefined ? "" : " after resizing";
    throw inputError(
      `${where}: found ${fitted.height}x${fitted.width} pixels${how}, expected ${height}x${width} (height x width); ` +
        `use --resize ${height}x${width}`,
    );
  }
  return fitted;
}
