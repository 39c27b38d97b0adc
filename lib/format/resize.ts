import type { Image } from "./pixels.ts";

/** Largest height or width that images are resized to: 255 D E stays under 2^41, so that quotients are never rounded up. */
export const MAX_RESIZE = 32768;

/**
 * Bilinear resize with half-pixel centres and no antialiasing, in integers, so that every machine gives the same bytes.
 *
 * Output column x of `ow` reads the input of width `iw` at s = (x + 1/2) iw / ow - 1/2, clamped to 0 .. iw-1. Over the
 * common denominator D = 2 ow that is
 *
 *     n = clamp((2x + 1) iw - ow, 0, D (iw - 1))     x0 = floor(n / D)     f = n mod D     x1 = min(x0 + 1, iw - 1)
 *
 * and the same for rows, with E = 2 oh, g, y0 and y1. The pixel is rounded half up, once:
 *
 *     floor(((E - g) ((D - f) p[y0,x0] + f p[y0,x1]) + g ((D - f) p[y1,x0] + f p[y1,x1]) + D E / 2) / (D E))
 *
 * An image of the target's size comes back unchanged.
 * @throws RangeError unless height and width are whole numbers in 1 .. 32768, where all of this is exact in float64.
 */
export function resizeBilinear(image: Image, height: number, width: number): Image {
  for (const extent of [height, width]) {
    if (!Number.isInteger(extent) || extent < 1 || extent > MAX_RESIZE) {
      throw new RangeError(`no resize to ${height}x${width}: expected whole numbers in 1..${MAX_RESIZE}`);
    }
  }
  if (image.height === height && image.width === width) return image;
  const { channels, data } = image;
  const rows = taps(image.height, height);
  const columns = taps(image.width, width);
  const D = 2 * width;
  const E = 2 * height;
  const resized = new Uint8Array(height * width * channels);
  let target = 0;
  for (const [y0, y1, g] of rows) {
    for (const [x0, x1, f] of columns) {
      for (let c = 0; c < channels; c++) {
        const pixel = (y: number, x: number): number => data[(y * image.width + x) * channels + c];
        const upper = (D - f) * pixel(y0, x0) + f * pixel(y0, x1);
        const lower = (D - f) * pixel(y1, x0) + f * pixel(y1, x1);
        resized[target++] = Math.floor(((E - g) * upper + g * lower + D * E / 2) / (D * E));
      }
    }
  }
  return { ...image, height, width, data: resized };
}

/** For each output position: the two input positions and the weight of the second, over 2 * output. */
function taps(input: number, output: number): [number, number, number][] {
  const denominator = 2 * output;
  return Array.from({ length: output }, (_, i) => {
    const numerator = Math.min(Math.max((2 * i + 1) * input - output, 0), denominator * (input - 1));
    const first = Math.floor(numerator / denominator);
    return [first, Math.min(first + 1, input - 1), numerator % denominator];
  });
}
