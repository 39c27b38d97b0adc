import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** Outputs of a block, a byte of a vector each. */
export const LANES = 16;
export const VECTOR_BYTES = 16;
/** Inputs of a step: their bits of a plane are a byte of each output's codes, the first the least significant. */
export const STEP_INPUTS = 8;

/** Steps of a row. */
export function codeSteps(inputs: number): number {
  return Math.ceil(inputs / STEP_INPUTS);
}

/**
 * A way to sum activations q over the set bits of one plane of codes, for a block of sixteen outputs: sum over i of
 * B[o, i] * q[i]. Constants hold a vector for each step, the bytes of all outputs; bits beyond the last input are 0.
 */
export interface CodeSums {
  supports(problem: ConvolutionProblem): boolean;
  /** For the activations of a position, as `emitPlane` reads them. */
  scratchBytes(problem: ConvolutionProblem): number;
  /** Writes the activations of a position, leaves their sum in `sum`, and moves `input` on to the next position. */
  emitActivations(
    f: FunctionBuilder,
    problem: ConvolutionProblem,
    places: Readonly<Record<"input" | "activations" | "sum", Local>>,
  ): void;
  /** Adds the sums of a plane to four vectors of int32, and moves `codes` on to the next plane. */
  emitPlane(
    f: FunctionBuilder,
    problem: ConvolutionProblem,
    places: Readonly<Record<"codes" | "activations", Local>> & { readonly sums: readonly Local[] },
  ): void;
}
