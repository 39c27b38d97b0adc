import { validTaps, type Window } from "../tensor/window.ts";

/**
 * Calls `visit(outputPosition, inputPixel, tap)` for every tap inside the image: output positions in row-major order, at
 * each the taps of the window in row-major order.
 */
export function forEachTap(w: Window, visit: (position: number, pixel: number, tap: number) => void): void {
  let position = 0;
  for (let y = 0; y < w.outputHeight; y++) {
    const top = y * w.strideY - w.padTop;
    const [r0, r1] = validTaps(top, w.kernelHeight, w.dilationY, w.inputHeight);
    for (let x = 0; x < w.outputWidth; x++, position++) {
      const left = x * w.strideX - w.padLeft;
      const [s0, s1] = validTaps(left, w.kernelWidth, w.dilationX, w.inputWidth);
      for (let r = r0; r < r1; r++) {
        for (let s = s0; s < s1; s++) {
          const pixel = (top + r * w.dilationY) * w.inputWidth + left + s * w.dilationX;
          visit(position, pixel, r * w.kernelWidth + s);
        }
      }
    }
  }
}
