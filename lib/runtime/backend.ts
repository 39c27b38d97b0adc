import { selectKernel } from "../../kernels/mod.ts";
import { buildProgram, type Program } from "../../kernels/program.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import type { IntegerProblem } from "../arith/problem.ts";

/** How a network is executed. All backends give the same bits. */
export const BACKENDS = ["native", "wasm", "scalar"] as const;
export type Backend = (typeof BACKENDS)[number];

/** The problems of a network that kernels compute, loaded. */
export interface LoadedKernels {
  /** The name of each problem's kernel; undefined where there is none. */
  readonly kernels: readonly (string | undefined)[];
  /** The number of each problem in the program. */
  readonly entries: readonly (number | undefined)[];
  /** Undefined when no problem has a kernel. */
  readonly program?: Program;
}

/**
 * Chooses kernels for problems and loads them with an arena.
 * @throws RangeError when they need more memory than there is.
 */
type Loader = (problems: readonly (IntegerProblem | undefined)[], arenaBytes: number) => LoadedKernels;

/** A backend is the choice from a list of kernels, and what makes a program of them. */
function loaderOf<K extends { readonly name: string }>(
  select: (problem: IntegerProblem) => K | undefined,
  build: (entries: { readonly kernel: K; readonly problem: IntegerProblem }[], arenaBytes: number) => Program,
): Loader {
  return (problems, arenaBytes) => {
    const chosen: { kernel: K; problem: IntegerProblem }[] = [];
    const entries = problems.map((problem) => {
      const kernel = problem && select(problem);
      return problem && kernel && chosen.push({ kernel, problem }) - 1;
    });
    return {
      kernels: entries.map((entry) => entry === undefined ? undefined : chosen[entry].kernel.name),
      entries,
      program: chosen.length === 0 ? undefined : build(chosen, arenaBytes),
    };
  };
}

/** What has no native kernel runs as WebAssembly, what no kernel at all has on the scalar reference. */
export const LOADERS: Readonly<Record<Backend, Loader>> = {
  wasm: loaderOf(selectKernel, buildProgram),
  scalar: (problems) => ({ kernels: problems.map(() => undefined), entries: problems.map(() => undefined) }),
  native: loaderOf((problem) => selectNativeKernel(problem) ?? selectKernel(problem), buildNativeProgram),
};
