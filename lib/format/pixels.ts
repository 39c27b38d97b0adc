/** 8-bit pixels, `data[(y * width + x) * channels + c]`; one channel is grey, three are red, green, blue. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
  /** Whether the file had transparency, which is dropped. */
  readonly hadAlpha?: boolean;
}

/** Most pixels of one image file, so that a small file cannot claim all memory. */
export const IMAGE_PIXEL_LIMIT = 100_000_000;

/**
 * Grey of a colour by ITU-R BT.601 luma in 16-bit fixed point, rounded half up:
 *
 *     (19595 R + 38470 G + 7471 B + 32768) >> 16
 *
 * the weights 0.299, 0.587, 0.114 times 2^16; they sum to 2^16, so that a grey colour keeps its value.
 */
export function greyOfRgb(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
}

/**
 * An image with `channels` channels: grey from colour by `greyOfRgb`, colour from grey by repeating it.
 * @throws RangeError for any other pair of channel counts.
 */
export function toChannels(image: Image, channels: number): Image {
  if (image.channels === channels) return image;
  const { width, height, data } = image;
  const pixels = width * height;
  const converted = new Uint8Array(pixels * channels);
  if (image.channels === 3 && channels === 1) {
    for (let i = 0; i < pixels; i++) converted[i] = greyOfRgb(data[3 * i], data[3 * i + 1], data[3 * i + 2]);
  } else if (image.channels === 1 && channels === 3) {
    for (let i = 0; i < pixels; i++) converted.fill(data[i], 3 * i, 3 * i + 3);
  } else {
    throw new RangeError(`no conversion of pixels from ${image.channels} to ${channels} channels`);
  }
  return { ...image, channels, data: converted };
}

export function canConvertChannels(from: number, to: number): boolean {
  return from === to || (from === 3 && to === 1) || (from === 1 && to === 3);
}

/** The pixels in ONNX order (C, H, W), written to `target` if given. */
export function toPlanes(image: Image, target: Uint8Array = new Uint8Array(image.data.length)): Uint8Array {
  const { width, height, channels, data } = image;
  const pixels = width * height;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) target[c * pixels + i] = data[i * channels + c];
  }
  return target;
}

/** The reverse of `toPlanes`. */
export function fromPlanes(planes: Uint8Array, channels: number, height: number, width: number): Image {
  const pixels = width * height;
  const data = new Uint8Array(pixels * channels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) data[i * channels + c] = planes[c * pixels + i];
  }
  return { width, height, channels, data };
}
