import type { Range } from "../arith/quantization.ts";
import { ANY_BITS, type BitRanges, type TensorRanges } from "../format/calibration.ts";
import { extremesOf, type TensorStatistics } from "../format/tensor_statistics.ts";
import type { CalibrationMethod } from "./method.ts";

/** The widths that ranges are computed for: all that activations may get, and 16 for wide ones. */
export const CALIBRATED_BITS: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 16];

/**
 * The range of one tensor by each method at each width, as the calibration artefact holds it: methods that answer the
 * same at every width are one entry, and a tensor without negative values has no symmetric ranges of its own.
 */
export function tensorRanges(
  statistics: TensorStatistics,
  methods: readonly CalibrationMethod[],
  widths: readonly number[] = CALIBRATED_BITS,
): TensorRanges {
  const ranges = rangesByMethod(statistics, methods, widths, false);
  if (extremesOf(statistics).min >= 0) return { ranges };
  return { ranges, symmetricRanges: rangesByMethod(statistics, methods, widths, true) };
}

function rangesByMethod(
  statistics: TensorStatistics,
  methods: readonly CalibrationMethod[],
  widths: readonly number[],
  symmetric: boolean,
): Record<string, BitRanges> {
  return Object.fromEntries(methods.map(({ name, observer, options }) => {
    const ranges = widths.map((bits) => stored(observer.range(statistics, { bits, symmetric }, options), symmetric));
    const [first] = ranges;
    const alike = ranges.every(({ min, max }) => min === first.min && max === first.max);
    return [name, alike ? { [ANY_BITS]: first } : Object.fromEntries(widths.map((bits, i) => [bits, ranges[i]]))];
  }));
}

/** 9 significant digits: as exact as the float32 values that ranges are made from, and half the text. */
function stored({ min, max }: Range, symmetric: boolean): Range {
  const bound = Math.max(-min, max);
  const [low, high] = symmetric ? [0 - bound, bound] : [min, max];
  return { min: Number(low.toPrecision(9)), max: Number(high.toPrecision(9)) };
}
