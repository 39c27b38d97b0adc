import type { LstmProblem } from "../../../lib/arith/problem.ts";
import { emitGatherMask } from "../gather_words.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, rax } from "../operands.ts";
import { emitStore, emitTailMask } from "../requantization.ts";
import { emitCopiedRows, emitFilled } from "./first_states.ts";
import { emitCellArgument, emitGateInput, emitHidden, emitInterpolated, emitState } from "./gate_arithmetic.ts";
import {
  blocksOf,
  CELL_TABLE,
  FIRST_CELL,
  FIRST_HIDDEN,
  GATE_TABLE,
  INPUT_MULTIPLIERS,
  paddedUnits,
  PARAMETER_BYTES,
  RECURRENT_MULTIPLIERS,
  UNITS,
} from "./recurrent_layout.ts";
import { recurrentKernels } from "./recurrent_kernels.ts";
import { emitRecurrentSums, emitSumMasks, KEPT, type RecurrentSums, TEMPORARIES } from "./recurrent_sums.ts";

const GATES = 4;

/** Scratch: h of all images before and after a step, up to whole blocks, then c where no tensor holds it. */
function scratchOf({ batch, hidden, carriesState }: LstmProblem): { stateBytes: number; cell: number; bytes: number } {
  const stateBytes = batch * paddedUnits(hidden);
  const cell = 2 * stateBytes;
  return { stateBytes, cell, bytes: cell + (carriesState ? 0 : Math.ceil(2 * batch * hidden / 16) * 16) };
}

/** What moves on as units and images are done. */
interface Pointers {
  readonly weights: Pointer;
  /** h of this image before the step. */
  readonly before: Pointer;
  /** Where its next units go to. */
  readonly after: Pointer;
  readonly cell: Pointer;
}

/** Computes `units` (at most 16) units of one image and step. */
function emitUnits(f: KernelFunction, sums: RecurrentSums, pointers: Pointers, units: number): void {
  const { code, output, inputs: [accumulators] } = f;
  const { weights, before, after, cell } = pointers;
  const { hidden } = sums;
  const gates = emitRecurrentSums(f, sums, GATES, weights, before);
  const [values, multipliers, inputMultipliers, ...others] = TEMPORARIES;
  gates.forEach((gate, g) => {
    code.emit("vmovdqu32", values, memory(accumulators, 4 * g * hidden));
    code.emit("vmovdqu32", multipliers, memory(weights, g * PARAMETER_BYTES + RECURRENT_MULTIPLIERS));
    code.emit("vmovdqu32", inputMultipliers, memory(weights, g * PARAMETER_BYTES + INPUT_MULTIPLIERS));
    emitGateInput(f, [{ values: gate, multipliers }, { values, multipliers: inputMultipliers }], others);
    emitInterpolated(f, gate, g === GATES - 1 ? CELL_TABLE : GATE_TABLE, TEMPORARIES);
  });
  const [input, hiddenGate, forget, candidate] = gates;
  const [state, argument] = KEPT;
  code.emit("vpmovsxwd", state, memory(cell));
  emitState(f, state, forget, input, candidate);
  emitStore(f, state, "u16", units, cell, 0); // the lower halves, as of any 16 bits
  emitCellArgument(f, argument, state);
  emitInterpolated(f, argument, CELL_TABLE, TEMPORARIES);
  code.emit("vpmulld", hiddenGate, hiddenGate, argument);
  emitHidden(f, hiddenGate, TEMPORARIES);
  emitStore(f, hiddenGate, "u8", units, output, 0);
  code.emit("vpmovdb", memory(after), hiddenGate);
  f.advance(weights, GATES * PARAMETER_BYTES).advance(after, UNITS).advance(cell, 2 * units);
  f.advance(accumulators, 4 * units).advance(output, units);
}

function generate(problem: LstmProblem, sums: RecurrentSums): Uint8Array {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const f = new KernelFunction(carriesState ? 3 : 1);
  const { constants, scratch, output, inputs: [accumulators, hiddenState, cellState] } = f;
  const pointers: Pointers = { weights: f.take(), before: f.take(), after: f.take(), cell: f.take() };
  const { weights, before, after, cell } = pointers;
  const { stateBytes, cell: cellPosition } = scratchOf(problem);
  const padded = paddedUnits(hidden);
  const size = batch * hidden;
  emitTailMask(f, hidden);
  emitGatherMask(f);
  emitSumMasks(f, sums);
  f.set(before, scratch);
  if (carriesState) {
    f.set(cell, hiddenState);
    emitCopiedRows(f, batch, hidden, [cell, hidden], [before, padded]);
  } else {
    emitFilled(f, before, stateBytes, FIRST_HIDDEN);
    f.set(cell, scratch).advance(cell, cellPosition);
    emitFilled(f, cell, Math.ceil(2 * size / 16) * 16, FIRST_CELL);
  }
  f.set(before, scratch).set(after, scratch).advance(after, stateBytes);
  if (isReverse) f.advance(accumulators, 4 * GATES * size * (steps - 1)).advance(output, size * (steps - 1));
  f.repeat(steps, () => {
    if (carriesState) f.set(cell, cellState);
    else f.set(cell, scratch).advance(cell, cellPosition);
    f.repeat(batch, () => {
      f.set(weights, constants).advance(weights, blocksOf(sums));
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, sums, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, sums, pointers, hidden % UNITS);
      f.advance(accumulators, 4 * (GATES - 1) * hidden).advance(before, padded);
    });
    f.set(rax, before).set(before, after).set(after, rax).advance(before, -stateBytes).advance(after, -stateBytes);
    if (isReverse) f.advance(accumulators, -2 * 4 * GATES * size).advance(output, -2 * size);
  });
  if (carriesState) emitCopiedRows(f, batch, hidden, [before, padded], [hiddenState, hidden]);
  return f.finish();
}

/** LSTMs, all steps in one call. */
export const LSTM_KERNELS: readonly NativeKernel<LstmProblem>[] = recurrentKernels<LstmProblem>({
  kind: "lstm",
  scratchBytes: (problem) => scratchOf(problem).bytes,
  generate,
});
