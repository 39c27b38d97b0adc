import { z } from "./schema.ts";
import { MULTIPLIER_END, SHIFT_MAX } from "../arith/dyadic.ts";

export const Count = z.int().positive();
export const Natural = z.int().nonnegative();
export const DTypeName = z.enum(["u8", "u16", "i32"]);
export const Shift = z.int().min(0).max(SHIFT_MAX);
export const Multiplier = z.int().min(0).max(MULTIPLIER_END - 1);
export const TensorName = z.string().min(1).describe("name of a tensor in the safetensors file");

/** Extents of an image or window along one axis: tables are made that have an entry for each position. */
export const EXTENT_MAX = 2 ** 20;
export const Extent = Count.max(EXTENT_MAX);

export const OutputRecord = z.strictObject({ dtype: DTypeName, zeroPoint: z.int(), low: z.int(), high: z.int() });
