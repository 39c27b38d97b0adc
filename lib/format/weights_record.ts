import { CODE_BITS } from "../arith/binary_codes/codes.ts";
import { codedWeights, codeGroups, codesFault, type WeightCodes } from "../arith/binary_codes/weight_codes.ts";
import { packedLength, PACKING, packSigned, unpackSigned } from "../arith/packing.ts";
import type { ConvolutionProblem } from "../arith/problem.ts";
import type { ArrayOf, DType } from "../tensor/dtype.ts";
import { inputError } from "./error.ts";
import { Count, TensorName } from "./record_fields.ts";
import { z } from "./schema.ts";

const CODES = "binary-codes";

const PackedWeights = z.strictObject({
  tensor: TensorName,
  bits: z.int().min(2).max(8),
  packing: z.literal(PACKING),
  shape: z.array(Count),
});

const CodedWeights = z.strictObject({
  packing: z.literal(CODES),
  codes: TensorName.describe(
    "u8, rows x bits x ceil(columns / 8), column i at bit i % 8 of byte i / 8; set: +1, else -1",
  ),
  multipliers: TensorName.describe("i8, rows x ceil(columns / groupColumns) x bits"),
  bits: Count.max(CODE_BITS.at(-1)!),
  groupColumns: Count.describe("columns that share multipliers"),
  shape: z.array(Count),
}).describe("binary codes: w[o, i] = sum_k m[o, i / groupColumns, k] b_k[o, i], at most 127 in magnitude");

/** Int8 weights as they stand in the network artefact: packed at their bits, or as binary codes. */
export const WeightsRecord = z.discriminatedUnion("packing", [PackedWeights, CodedWeights]);
export type WeightsRecord = z.infer<typeof WeightsRecord>;

/** Weights of a problem, and their codes where they have some. */
export type CodableWeights = Pick<ConvolutionProblem, "weights" | "codes">;

/** Keeps an array of a problem and gives its name in the file. */
export type StoreArray = <D extends DType>(name: string, dtype: D, data: ArrayOf<D>) => string;

/** The array of a name. @throws DyadError where it has another dtype or none of these lengths. */
export type LoadArray = <D extends DType>(name: string, dtype: D, length: number | readonly number[]) => ArrayOf<D>;

/** @param bits of packed weights; 8 unless given */
export function encodeWeights(
  { weights, codes }: CodableWeights,
  shape: number[],
  bits: number = 8,
  store: StoreArray,
): WeightsRecord {
  if (codes === undefined) {
    return { tensor: store("weights", "u8", packSigned(weights, bits)), bits, packing: PACKING, shape };
  }
  return {
    packing: CODES,
    codes: store("codes", "u8", codes.planes),
    multipliers: store("coefficients", "i8", codes.multipliers),
    bits: codes.bits,
    groupColumns: codes.groupColumns,
    shape,
  };
}

/** @throws DyadError for weights of another shape, and for codes that are none; `where` names file and step. */
export function decodeWeights(
  record: WeightsRecord,
  expected: readonly number[],
  where: string,
  load: LoadArray,
): CodableWeights {
  const { shape, bits } = record;
  if (shape.length !== expected.length || expected.some((extent, i) => extent !== shape[i])) {
    throw inputError(`${where}: weights have shape [${shape}], expected [${expected}]`);
  }
  const count = shape.reduce((a, b) => a * b, 1);
  if (record.packing === PACKING) {
    return { weights: unpackSigned(load(record.tensor, "u8", packedLength(count, bits)), bits, count) };
  }
  const [rows] = shape;
  const columns = count / rows;
  const { groupColumns } = record;
  const codes: WeightCodes = {
    bits,
    groupColumns,
    planes: load(record.codes, "u8", rows * bits * Math.ceil(columns / 8)),
    multipliers: load(record.multipliers, "i8", rows * codeGroups({ groupColumns }, columns) * bits),
  };
  const fault = codesFault(codes, rows, columns);
  if (fault !== undefined) throw inputError(`${where}: ${fault}`);
  return { weights: codedWeights(codes, rows, columns), codes };
}
