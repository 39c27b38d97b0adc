import type { KernelProblem } from "../arith/problem.ts";
import { type Backend, kernelForAnyThread } from "./backend.ts";
import { workOf } from "./problem_work.ts";
import { type ProblemPart, splitProblem, wholeProblem } from "./split_problem.ts";

/** When several threads are worth it, in work as `workOf` counts it. */
export interface SplitLimits {
  /** The least that each part of a step has. Waiting for the other threads takes 1 to 2 microseconds for each step. */
  readonly partWork: number;
  /** The least share of a network's work that is in steps with parts. */
  readonly share: number;
}

const SHARE = 0.7;
const LIMITS: Readonly<Record<Backend, SplitLimits>> = {
  native: { partWork: 3e5, share: SHARE },
  wasm: { partWork: 6e4, share: SHARE },
  "wasm-strict": { partWork: 6e4, share: SHARE },
  scalar: { partWork: Infinity, share: SHARE },
};

/**
 * The parts in which threads compute each step, at most one for each of them: one where more are not worth it, none where
 * no integer moves.
 */
export function stepParts(
  problems: readonly (KernelProblem | undefined)[],
  backend: Backend,
  threads: number,
  limits: SplitLimits = LIMITS[backend],
): ProblemPart[][] {
  const wholes = problems.map((problem) => problem === undefined ? [] : [wholeProblem(problem)]);
  if (threads === 1) return wholes;
  const parts = problems.map((problem) => problem === undefined ? [] : partsOf(problem, backend, threads, limits));
  const works = problems.map((problem) => problem === undefined ? 0 : workOf(problem));
  const total = works.reduce((sum, work) => sum + work, 0);
  const split = works.reduce((sum, work, i) => parts[i].length > 1 ? sum + work : sum, 0);
  return split >= limits.share * total ? parts : wholes;
}

/**
 * Parts keep the kernel of the whole where they can: it may be faster by more than another thread saves. One for which
 * disjoint parts have too few rows computes some rows in two parts; both write the same.
 */
function partsOf(problem: KernelProblem, backend: Backend, threads: number, { partWork }: SplitLimits): ProblemPart[] {
  const whole = [wholeProblem(problem)];
  const worthwhile = Math.min(threads, Math.floor(workOf(problem) / partWork));
  const kernel = worthwhile < 2 ? undefined : kernelForAnyThread(problem, backend);
  if (kernel === undefined) return whole;
  const kernelsOf = (parts: readonly ProblemPart[]) => parts.map((part) => kernelForAnyThread(part.problem, backend));
  for (let count = worthwhile; count > 1; count--) {
    for (const areEqual of [false, true]) {
      const parts = splitProblem(problem, count, areEqual);
      if (parts.length > 1 && kernelsOf(parts).every((name) => name === kernel)) return parts;
    }
  }
  const parts = splitProblem(problem, worthwhile);
  return kernelsOf(parts).includes(undefined) ? whole : parts;
}
