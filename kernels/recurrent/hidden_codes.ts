import { hiddenCoding, type RecurrentProblem } from "../../lib/arith/problem.ts";
import { addCodingFunction, CODING_SCRATCH_BYTES } from "../online_codes/coding_function.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { ModuleBuilder } from "../wasm/module.ts";

/** Makes codes of the h of one image, which ends at `end`. */
export type EmitHiddenCodes = (f: FunctionBuilder, end: Local) => void;

/** Scratch of a kernel that needs `bytes` by itself, with room for finding codes of h behind it. */
export function withCodingScratch(problem: RecurrentProblem, bytes: number): number {
  return hiddenCoding(problem) === undefined ? bytes : codingPosition(bytes) + CODING_SCRATCH_BYTES;
}

/** Nothing for a recurrence whose h stays as it is. `bytes` as of `withCodingScratch`. */
export function hiddenCodesOf(problem: RecurrentProblem, module: ModuleBuilder, bytes: number): EmitHiddenCodes {
  const coding = hiddenCoding(problem);
  if (coding === undefined) return () => {};
  const code = addCodingFunction(module, coding);
  return (f, end) => {
    const [, scratch] = f.parameters;
    const hidden = f.local("i32");
    f.get(scratch).i32(codingPosition(bytes)).op("i32.add").get(end).i32(coding.length).op("i32.sub").tee(hidden);
    f.get(hidden).call(code);
  };
}

function codingPosition(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
