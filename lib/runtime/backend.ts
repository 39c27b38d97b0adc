import { summedName } from "../../kernels/convolution/summed_name.ts";
import { selectKernel, STRICT_KERNELS } from "../../kernels/mod.ts";
import type { WasmKernel } from "../../kernels/kernel.ts";
import { buildProgram, type Program } from "../../kernels/program.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import type { KernelProblem } from "../arith/problem.ts";
import type { Fuses } from "./schedule.ts";

/**
 * How a network is executed. All backends give the same bits. `wasm-strict` is WebAssembly without relaxed instructions,
 * whose speed differs most between processors.
 */
export const BACKENDS = ["native", "wasm", "wasm-strict", "scalar"] as const;
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
 * Chooses kernels for problems and loads them with an arena, for calls by several threads.
 * @throws RangeError when they need more memory than there is.
 */
type Loader = (problems: readonly KernelProblem[], arenaBytes: number, threads: number) => LoadedKernels;

/** A backend is the choice from a list of kernels, and what makes a program of them. */
function loaderOf<K extends { readonly name: string }>(
  select: (problem: KernelProblem) => K | undefined,
  build: (
    entries: { readonly kernel: K; readonly problem: KernelProblem }[],
    arenaBytes: number,
    threads: number,
  ) => Program,
): Loader {
  return (problems, arenaBytes, threads) => {
    const chosen: { kernel: K; problem: KernelProblem }[] = [];
    const entries = problems.map((problem) => {
      const kernel = select(problem);
      return kernel && chosen.push({ kernel, problem }) - 1;
    });
    return {
      kernels: entries.map((entry) => entry === undefined ? undefined : chosen[entry].kernel.name),
      entries,
      program: chosen.length === 0 ? undefined : build(chosen, arenaBytes, threads),
    };
  };
}

/** The WebAssembly kernel of a problem on a backend; on the native one where it has no kernel of its own. */
export function wasmKernelOf(backend: Backend, problem: KernelProblem): WasmKernel | undefined {
  if (backend === "scalar") return undefined;
  return backend === "wasm-strict" ? selectKernel(problem, STRICT_KERNELS) : selectKernel(problem);
}

const selectWasm = (problem: KernelProblem) => wasmKernelOf("wasm", problem);
const selectStrict = (problem: KernelProblem) => wasmKernelOf("wasm-strict", problem);

/** What has no native kernel runs as WebAssembly, what no kernel at all has on the scalar reference. */
export const LOADERS: Readonly<Record<Backend, Loader>> = {
  wasm: loaderOf(selectWasm, buildProgram),
  "wasm-strict": loaderOf(selectStrict, buildProgram),
  scalar: (problems) => ({ kernels: problems.map(() => undefined), entries: problems.map(() => undefined) }),
  native: loaderOf(selectEitherKernel, buildNativeProgram),
};

/**
 * The name of the kernel by which any thread can compute a problem: WebAssembly kernels of a native program are the first
 * one's.
 */
export function kernelForAnyThread(problem: KernelProblem, backend: Backend): string | undefined {
  return (backend === "native" ? selectNativeKernel(problem) : wasmKernelOf(backend, problem))?.name;
}

function selectEitherKernel(problem: KernelProblem) {
  return selectNativeKernel(problem) ?? selectWasm(problem);
}

/** Bytes that the kernels of a network's problems share to work in. */
export function scratchBytesOf(problems: readonly KernelProblem[], backend: Backend): number {
  const select = (problem: KernelProblem) =>
    backend === "native" ? selectEitherKernel(problem) : wasmKernelOf(backend, problem);
  return problems.reduce((most, problem) => Math.max(most, select(problem)?.scratchBytes(problem) ?? 0), 0);
}

/** A convolution goes on with a sum where the kernel that it has does: another might be slower. */
function fusesBy(select: (problem: KernelProblem) => { readonly name: string } | undefined): Fuses {
  return (together, convolution) => {
    const alone = select(convolution);
    return alone !== undefined && select(together)?.name === summedName(alone.name);
  };
}

/** Which convolutions each backend computes together with the sum that reads them. References compute steps. */
export const FUSES: Readonly<Record<Backend, Fuses>> = {
  native: fusesBy(selectNativeKernel),
  wasm: fusesBy(selectWasm),
  "wasm-strict": fusesBy(selectStrict),
  scalar: () => false,
};
