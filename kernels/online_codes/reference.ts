import { codeVectors, type OnlineCodesProblem } from "../../lib/arith/online_codes.ts";
import type { ArrayOf, TypedArray } from "../../lib/tensor/dtype.ts";

/** The definition of activations as codes that each vector finds for itself. */
export function onlineCodes(problem: OnlineCodesProblem, [input]: readonly TypedArray[], output: TypedArray): void {
  const coded = output as ArrayOf<"u8">;
  coded.set(input as ArrayOf<"u8">);
  codeVectors(coded, problem);
}
