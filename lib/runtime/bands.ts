import type { Window } from "../tensor/window.ts";

/** Output positions of a window that follow each other in memory, by a window over the part of the input they read. */
export interface Band {
  readonly window: Window;
  /** Input positions before the band's input. */
  readonly firstInput: number;
  /** Output positions before the band's output. */
  readonly firstOutput: number;
}

/** At most `count` ranges of about equal length, none empty, whose ends but the last are multiples of `unit`. */
export function shares(total: number, count: number, unit = 1): [first: number, end: number][] {
  const units = Math.ceil(total / unit);
  const ends = Array.from({ length: count }, (_, i) => Math.min(total, Math.ceil((i + 1) * units / count) * unit));
  return ends.map((end, i): [number, number] => [i === 0 ? 0 : ends[i - 1], end]).filter(([first, end]) => end > first);
}

/** Shares of equal length: the last ones begin earlier, so that they overlap the one before. */
function equalShares(total: number, count: number): [first: number, end: number][] {
  const length = Math.ceil(total / count);
  return shares(total, count).map(([, end]): [number, number] => {
    const last = Math.max(end, length);
    return [last - length, last];
  });
}

/**
 * A window in at most `count` bands of rows; of columns where the image has one row. With `areEqual` they have as many
 * rows, some of them in two bands. None where a band would read nothing but padding, or padding takes rows away.
 */
export function bandsOf(window: Window, count: number, areEqual: boolean = false): Band[] {
  const { inputHeight, outputHeight, kernelHeight, padTop, padBottom } = window;
  const isRow = inputHeight === 1 && outputHeight === 1 && kernelHeight === 1 && padTop === 0 && padBottom === 0;
  if (!isRow) return rowBands(window, count, areEqual);
  return rowBands(turned(window), count, areEqual).map((band) => ({ ...band, window: turned(band.window) }));
}

function rowBands(window: Window, count: number, areEqual: boolean): Band[] {
  if (window.padTop < 0) return [];
  const ranges = (areEqual ? equalShares : shares)(window.outputHeight, count);
  const bands = ranges.map(([first, end]) => rowBand(window, first, end));
  return bands.every((band) => band.window.inputHeight > 0) ? bands : [];
}

function rowBand(window: Window, first: number, end: number): Band {
  const { inputHeight, inputWidth, outputWidth, strideY, kernelHeight, dilationY, padTop } = window;
  const top = first * strideY - padTop;
  const bottom = (end - 1) * strideY - padTop + (kernelHeight - 1) * dilationY + 1;
  const firstRow = Math.max(0, top);
  const endRow = Math.min(inputHeight, bottom);
  return {
    window: {
      ...window,
      inputHeight: endRow - firstRow,
      outputHeight: end - first,
      padTop: firstRow - top,
      padBottom: bottom - endRow,
    },
    firstInput: firstRow * inputWidth,
    firstOutput: first * outputWidth,
  };
}

/** Rows as columns and columns as rows. */
function turned(w: Window): Window {
  return {
    inputHeight: w.inputWidth,
    inputWidth: w.inputHeight,
    outputHeight: w.outputWidth,
    outputWidth: w.outputHeight,
    kernelHeight: w.kernelWidth,
    kernelWidth: w.kernelHeight,
    strideY: w.strideX,
    strideX: w.strideY,
    dilationY: w.dilationX,
    dilationX: w.dilationY,
    padTop: w.padLeft,
    padLeft: w.padTop,
    padBottom: w.padRight,
    padRight: w.padBottom,
  };
}
