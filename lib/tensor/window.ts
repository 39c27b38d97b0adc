/**
 * A sliding window over the two spatial axes of one image, as convolutions and pools use it. Output position (y, x) and
 * tap (r, s) read the input at (y * strideY - padTop + r * dilationY, x * strideX - padLeft + s * dilationX); positions
 * outside the input are padding.
 */
export interface Window {
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly padBottom: number;
  readonly padRight: number;
}

/** Whether some tap of some output position lies outside the input. */
export function readsPadding(w: Window): boolean {
  const lastRow = (w.outputHeight - 1) * w.strideY - w.padTop + (w.kernelHeight - 1) * w.dilationY;
  const lastColumn = (w.outputWidth - 1) * w.strideX - w.padLeft + (w.kernelWidth - 1) * w.dilationX;
  return w.padTop > 0 || w.padLeft > 0 || lastRow >= w.inputHeight || lastColumn >= w.inputWidth;
}

/** Taps first..end-1 of a window of `kernel` taps that fall inside 0..input-1 when the first tap is at `origin`. */
export function validTaps(origin: number, kernel: number, dilation: number, input: number): [number, number] {
  const first = origin >= 0 ? 0 : Math.ceil(-origin / dilation);
  const end = Math.min(kernel, Math.ceil((input - origin) / dilation));
  return [first, Math.max(first, end)];
}

/**
 * Whether the output extents are those of the input, padding, kernel and stride, rounded down or (ceil_mode) up, so that
 * no window begins beyond the padded image.
 */
export function fitsImage(w: Window): boolean {
  const fits = (output: number, padded: number, kernel: number, dilation: number, stride: number): boolean => {
    const room = padded - (kernel - 1) * dilation - 1;
    return room >= 0 && output >= 1 && output - 1 <= Math.ceil(room / stride) &&
      output - 1 >= Math.floor(room / stride);
  };
  return fits(w.outputHeight, w.padTop + w.inputHeight + w.padBottom, w.kernelHeight, w.dilationY, w.strideY) &&
    fits(w.outputWidth, w.padLeft + w.inputWidth + w.padRight, w.kernelWidth, w.dilationX, w.strideX);
}

/** Whether every window has at least one tap inside the input. */
export function everyWindowReads(w: Window): boolean {
  const reads = (outputs: number, stride: number, pad: number, kernel: number, dilation: number, input: number) =>
    Array.from({ length: outputs }, (_, i) => validTaps(i * stride - pad, kernel, dilation, input))
      .every(([first, end]) => end > first);
  return reads(w.outputHeight, w.strideY, w.padTop, w.kernelHeight, w.dilationY, w.inputHeight) &&
    reads(w.outputWidth, w.strideX, w.padLeft, w.kernelWidth, w.dilationX, w.inputWidth);
}

/** A window of one tap over a 1x1 image: what a matrix product with one row per image is. */
export const POINT_WINDOW: Window = {
  inputHeight: 1,
  inputWidth: 1,
  outputHeight: 1,
  outputWidth: 1,
  kernelHeight: 1,
  kernelWidth: 1,
  strideY: 1,
  strideX: 1,
  dilationY: 1,
  dilationX: 1,
  padTop: 0,
  padLeft: 0,
  padBottom: 0,
  padRight: 0,
};
