import type { Problem } from "../kernel.ts";
import type { CpuFeature } from "./cpu_features.ts";

/**
 * One native kernel: x86-64 code for one kind of problem. Its function has the System V signature
 *
 *     (constants, scratch, output, input0, input1, ...) -> ()
 *
 * all of them addresses, those of constants and scratch 64-byte aligned. What it may read and write is what
 * `kernels/kernel.ts` says of every kernel.
 */
export interface NativeKernel<P extends Problem = Problem> {
  readonly target: "x64";
  /** The specification in one word; grammar in kernels/mod.ts. */
  readonly name: string;
  readonly kind: P["kind"];
  /** What it needs of the processor; `NATIVE_FEATURES` of mod.ts unless it says. */
  readonly features?: readonly CpuFeature[];
  supports(problem: P): boolean;
  /** As of `WasmKernel`. */
  isFaster?(problem: P): boolean;
  /** What the code reads from `constants`. */
  pack(problem: P): Uint8Array;
  /** As of a WebAssembly kernel. */
  weightPositions?(problem: P): Uint32Array;
  scratchBytes(problem: P): number;
  /**
   * The code, position-independent. Values of the problem (weights, zero points, multipliers, shifts, limits) are in the
   * constants only, so problems of equal sizes have equal code; of a convolution it may depend on the `outputForm`.
   */
  generate(problem: P): Uint8Array;
}
