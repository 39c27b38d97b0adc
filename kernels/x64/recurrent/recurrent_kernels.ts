import { firstStates, type RecurrentProblem } from "../../../lib/arith/problem.ts";
import { CODE_FEATURES } from "../codes/coded_sums.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { COLUMNS, packRecurrence, UNITS, type WeightForm } from "./recurrent_layout.ts";
import { type RecurrentSums, WAITING_BYTES } from "./recurrent_sums.ts";

/**
 * From so many weights on, codes are read faster than int8 weights: by measurement (`tests/bench/lstm_step.ts`) 1.2 times at
 * 2^20, 1.3 to 1.5 times from the third cache level. Fewer are in the second, and then int8 is up to 1.4 times as fast.
 */
const LEAST_WEIGHTS = 2 ** 19;

/** What a cell has of its own: its scratch, and code of which sums may be of either form. */
interface RecurrentCell<P extends RecurrentProblem> {
  readonly kind: P["kind"];
  scratchBytes(problem: P): number;
  generate(problem: P, sums: RecurrentSums): Uint8Array;
}

/** The kernels of a cell, all steps in one call: one reads codes, one int8 weights. */
export function recurrentKernels<P extends RecurrentProblem>(cell: RecurrentCell<P>): readonly NativeKernel<P>[] {
  const formOf = ({ hidden, codes }: P): WeightForm => ({ hidden, bits: codes!.bits });
  return [
    {
      target: "x64",
      name: `qu8_qbc_${cell.kind}_${UNITS}x1__avx512vbmi`,
      kind: cell.kind,
      features: CODE_FEATURES,
      supports: (problem) => {
        const { codes, hidden } = problem;
        return isPlain(problem) && codes !== undefined && codes.groupColumns >= hidden;
      },
      isFaster: ({ weights }) => weights.length >= LEAST_WEIGHTS,
      pack: (problem) => packRecurrence(problem, formOf(problem)),
      scratchBytes: (problem) => cell.scratchBytes(problem) + WAITING_BYTES,
      generate: (problem) => cell.generate(problem, { ...formOf(problem), waiting: cell.scratchBytes(problem) }),
    },
    {
      target: "x64",
      name: `qu8_qs8c_${cell.kind}_${UNITS}x${COLUMNS}__avx512vnni`,
      kind: cell.kind,
      supports: isPlain,
      pack: (problem) => packRecurrence(problem, { hidden: problem.hidden }),
      scratchBytes: (problem) => cell.scratchBytes(problem),
      generate: (problem) => cell.generate(problem, { hidden: problem.hidden, waiting: 0 }),
    },
  ];
}

/**
 * Whether a recurrence begins with zeros or carried states, and has neither peepholes nor codes of h: others run as
 * WebAssembly.
 */
function isPlain(problem: RecurrentProblem): boolean {
  const { hidden, state } = firstStates(problem);
  if (problem.hiddenCodes !== undefined) return false;
  return hidden === undefined && state === undefined && (problem.kind !== "lstm" || problem.peepholes === undefined);
}
