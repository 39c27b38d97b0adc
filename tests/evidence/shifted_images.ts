import { decodeNpy, encodeNpy } from "../../lib/format/npy.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";

const SHIFTS = [-1, 0, 1];

/**
 * Writes every image of a .npy file [N, C, H, W] and its eight copies shifted by one pixel, edges filled with the least
 * value (the background): more samples of a divergence from the float network, for which no labels are needed.
 */
export function writeShifted(source: string, target: string): void {
  const { shape, data } = decodeNpy(Deno.readFileSync(source), source);
  if (!(data instanceof Float32Array) || shape.length !== 4) throw new Error(`${source} holds no float images`);
  const [images, , height, width] = shape;
  const background = data.reduce((least, value) => Math.min(least, value), Infinity);
  const copies = SHIFTS.flatMap((down) => SHIFTS.map((right) => ({ down, right }))).map(({ down, right }) => {
    const copy = new Float32Array(sizeOf(shape)).fill(background);
    for (let i = 0; i < copy.length; i++) {
      const [y, x] = [Math.floor(i / width) % height - down, i % width - right];
      if (y >= 0 && y < height && x >= 0 && x < width) copy[i] = data[i - down * width - right];
    }
    return copy;
  });
  const all = new Float32Array(copies.length * copies[0].length);
  copies.forEach((copy, i) => all.set(copy, i * copy.length));
  Deno.writeFileSync(
    target,
    encodeNpy({ dtype: "f32", shape: [copies.length * images, ...shape.slice(1)], data: all }),
  );
}
