import type { FloatProblem, KernelProblem } from "../lib/arith/problem.ts";
import type { ModuleBuilder } from "./wasm/module.ts";

export type Problem = KernelProblem | FloatProblem;

/**
 * One WebAssembly kernel: generated code for one kind of problem. Its function has the signature
 *
 *     (constants: i32, scratch: i32, output: i32, input0: i32, input1: i32, ...) -> ()
 *
 * all addresses in bytes in the module's imported memory, those of constants and scratch 16-byte aligned; inputs and the output hold exactly the
 * elements the problem names, so nothing may be written beyond the output and inputs that are states (`writtenInputs`), and reads beyond an input
 * stay within `READ_SLACK` bytes.
 */
export interface WasmKernel<P extends Problem = Problem> {
  /** The specification in one word; grammar in kernels/mod.ts. */
  readonly name: string;
  readonly kind: P["kind"];
  supports(problem: P): boolean;
  /**
   * Whether it is to be preferred to those behind it in the list that support the problem too, by measurement. Absent:
   * always.
   */
  isFaster?(problem: P): boolean;
  /** What the generated code reads from `constants`: packed weights, biases, multipliers and shifts. */
  pack(problem: P): Uint8Array;
  /**
   * Byte position in what `pack` returns of each of the problem's weights, in their order, where they are float32 and so
   * may be replaced one by one (`WasmProgram.replaceWeights`). Multiples of 4.
   */
  weightPositions?(problem: P): Uint32Array;
  scratchBytes(problem: P): number;
  /** Adds the function to the module and returns its index. Equal static parameters give equal code. */
  emit(problem: P, module: ModuleBuilder): number;
}

/** Bytes after any buffer that a kernel may read (never use, never write). */
export const READ_SLACK = 64;
