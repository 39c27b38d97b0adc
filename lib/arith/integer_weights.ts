import { codeGroupColumns, codeMatrix } from "./binary_codes/coded_matrix.ts";
import { integerCodes } from "./binary_codes/integer_codes.ts";
import { CODE_METHODS } from "./binary_codes/methods/mod.ts";
import type { WeightCodes } from "./binary_codes/weight_codes.ts";
import { quantizeWeights, type WeightScaleOptions, weightScales } from "./weight_quantization.ts";

/** How binary codes of weights are found. */
export interface CodingOptions {
  /** The name of one of `CODE_METHODS`. */
  readonly method: string;
  /** Columns that share coefficients; all of a row unless given, and of windows of several taps. */
  readonly groupColumns?: number;
}

/** The method of least error (`tests/evidence/codes.ts`), whole rows. */
export const DEFAULT_CODING: CodingOptions = { method: "multistart" };

/** How weights become integers: of equal steps, or, with `coding`, sums of `bits` signed numbers of their row. */
export type WeightStorage =
  | WeightScaleOptions & { readonly coding?: undefined }
  | { readonly bits: number; readonly coding: CodingOptions };

/** Weights w = scales[o] * values, [O, ...], one scale for each output channel. */
export interface IntegerWeights {
  readonly values: Int8Array;
  /** Binary codes of `values`, in the same order. */
  readonly codes?: WeightCodes;
  readonly scales: Float64Array;
}

/**
 * The integers of a layer's weights.
 * @param shape in ONNX order, output channels first
 * @throws RangeError for a weight that is NaN or infinite, for a method of codes that there is not or that has no such bits,
 * and as `weightScales`.
 */
export function integerWeights(
  weights: Float32Array,
  shape: readonly number[],
  storage: WeightStorage,
): IntegerWeights {
  const [channels] = shape;
  const { bits, coding } = storage;
  if (coding === undefined) {
    const scales = weightScales(weights, channels, storage);
    return { values: quantizeWeights(weights, scales, bits), scales };
  }
  const method = CODE_METHODS.find(({ name }) => name === coding.method);
  if (method === undefined) {
    throw new RangeError(`no method of codes "${coding.method}": ${CODE_METHODS.map(({ name }) => name).join(", ")}`);
  }
  const groupColumns = codeGroupColumns(shape, coding.groupColumns);
  return integerCodes(codeMatrix(weights, channels, { method, bits, groupColumns }));
}
