import type { RnnProblem } from "../../../lib/arith/problem.ts";
import { emitGatherMask } from "../gather_words.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, rax } from "../operands.ts";
import { emitStore, emitTailMask } from "../requantization.ts";
import { emitCopiedRows, emitFilled } from "./first_states.ts";
import { emitGateInput, emitHidden, emitInterpolated } from "./gate_arithmetic.ts";
import {
  blocksOf,
  CELL_TABLE,
  FIRST_HIDDEN,
  INPUT_MULTIPLIERS,
  paddedUnits,
  PARAMETER_BYTES,
  RECURRENT_MULTIPLIERS,
  UNITS,
} from "./recurrent_layout.ts";
import { recurrentKernels } from "./recurrent_kernels.ts";
import { emitRecurrentSums, emitSumMasks, type RecurrentSums, TEMPORARIES } from "./recurrent_sums.ts";

/** Bytes of h of all images, up to whole blocks. */
function stateBytesOf({ batch, hidden }: RnnProblem): number {
  return batch * paddedUnits(hidden);
}

/** What moves on as units and images are done. */
interface Pointers {
  readonly weights: Pointer;
  /** h of this image before the step. */
  readonly before: Pointer;
  /** Where its next units go to. */
  readonly after: Pointer;
}

/** Computes `units` (at most 16) units of one image and step. */
function emitUnits(f: KernelFunction, sums: RecurrentSums, { weights, before, after }: Pointers, units: number): void {
  const { code, output, inputs: [accumulators] } = f;
  const [gate] = emitRecurrentSums(f, sums, 1, weights, before);
  const [values, multipliers, inputMultipliers, ...others] = TEMPORARIES;
  code.emit("vmovdqu32", values, memory(accumulators));
  code.emit("vmovdqu32", multipliers, memory(weights, RECURRENT_MULTIPLIERS));
  code.emit("vmovdqu32", inputMultipliers, memory(weights, INPUT_MULTIPLIERS));
  emitGateInput(f, [{ values: gate, multipliers }, { values, multipliers: inputMultipliers }], others);
  emitInterpolated(f, gate, CELL_TABLE, TEMPORARIES);
  emitHidden(f, gate, TEMPORARIES);
  emitStore(f, gate, "u8", units, output, 0);
  code.emit("vpmovdb", memory(after), gate);
  f.advance(weights, PARAMETER_BYTES).advance(after, UNITS).advance(accumulators, 4 * units).advance(output, units);
}

function generate(problem: RnnProblem, sums: RecurrentSums): Uint8Array {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const f = new KernelFunction(carriesState ? 2 : 1);
  const { constants, scratch, output, inputs: [accumulators, hiddenState] } = f;
  const pointers: Pointers = { weights: f.take(), before: f.take(), after: f.take() };
  const { weights, before, after } = pointers;
  const stateBytes = stateBytesOf(problem);
  const padded = paddedUnits(hidden);
  const size = batch * hidden;
  emitTailMask(f, hidden);
  emitGatherMask(f);
  emitSumMasks(f, sums);
  f.set(before, scratch);
  if (carriesState) {
    f.set(after, hiddenState);
    emitCopiedRows(f, batch, hidden, [after, hidden], [before, padded]);
  } else emitFilled(f, before, stateBytes, FIRST_HIDDEN);
  f.set(before, scratch).set(after, scratch).advance(after, stateBytes);
  if (isReverse) f.advance(accumulators, 4 * size * (steps - 1)).advance(output, size * (steps - 1));
  f.repeat(steps, () => {
    f.repeat(batch, () => {
      f.set(weights, constants).advance(weights, blocksOf(sums));
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, sums, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, sums, pointers, hidden % UNITS);
      f.advance(before, padded);
    });
    f.set(rax, before).set(before, after).set(after, rax).advance(before, -stateBytes).advance(after, -stateBytes);
    if (isReverse) f.advance(accumulators, -2 * 4 * size).advance(output, -2 * size);
  });
  if (carriesState) emitCopiedRows(f, batch, hidden, [before, padded], [hiddenState, hidden]);
  return f.finish();
}

/** RNNs, all steps in one call. */
export const RNN_KERNELS: readonly NativeKernel<RnnProblem>[] = recurrentKernels<RnnProblem>({
  kind: "rnn",
  scratchBytes: (problem) => 2 * stateBytesOf(problem),
  generate,
});
