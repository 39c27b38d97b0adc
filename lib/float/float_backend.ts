import type { Problem } from "../../kernels/kernel.ts";
import { selectKernel } from "../../kernels/mod.ts";
import { buildProgram, type Program } from "../../kernels/program.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";

/** What computes the layers of a float network. Both give the same bits. */
export type FloatBackend = "native" | "wasm";

/**
 * Kernels for float problems, loaded with an arena of `arenaBytes`; entry i of the program is problem i. What has no native
 * kernel runs as WebAssembly.
 * @throws {RangeError} when they need more memory than there is.
 */
export function loadFloatKernels(problems: readonly Problem[], arenaBytes: number, backend: FloatBackend): Program {
  if (backend === "wasm") {
    return buildProgram(problems.map((problem) => ({ kernel: wasmKernelOf(problem), problem })), arenaBytes);
  }
  const entries = problems.map((problem) => ({
    kernel: selectNativeKernel(problem) ?? wasmKernelOf(problem),
    problem,
  }));
  return buildNativeProgram(entries, arenaBytes);
}

function wasmKernelOf(problem: Problem) {
  const kernel = selectKernel(problem);
  if (kernel === undefined) throw new Error(`no kernel computes a ${problem.kind} of this window`);
  return kernel;
}
