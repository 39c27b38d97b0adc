import type { GruProblem } from "../../../lib/arith/problem.ts";
import { emitGatherMask } from "../gather_words.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, rax, type VectorRegister } from "../operands.ts";
import { emitStore, emitTailMask } from "../requantization.ts";
import { emitFilled } from "./first_states.ts";
import {
  emitComplement,
  emitGateInput,
  emitGatePart,
  emitHidden,
  emitInterpolated,
  emitKept,
  emitLinearArgument,
  emitState,
} from "./gate_arithmetic.ts";
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

const GATES = 3;
const CANDIDATE = 2;

/**
 * Scratch: h of all images before and after a step, up to whole blocks; h with resets and gate z of one image; the state
 * where no tensor holds it.
 */
function scratchOf({ batch, hidden, carriesState }: GruProblem) {
  const padded = paddedUnits(hidden);
  const stateBytes = batch * padded;
  const kept = 2 * stateBytes;
  const updates = kept + padded;
  const state = updates + 2 * padded;
  return {
    stateBytes,
    kept,
    updates,
    state,
    bytes: state + (carriesState ? 0 : Math.ceil(2 * batch * hidden / 16) * 16),
  };
}

/** What moves on as units and images are done. */
interface Pointers {
  readonly weights: Pointer;
  /** h of this image before the step. */
  readonly before: Pointer;
  /** Where its next units go to. */
  readonly after: Pointer;
  readonly state: Pointer;
  /** The number of the unit, where phases leave something to the next. */
  readonly unit: Pointer;
}

/** Loads a gate's term of x W^T: its values into `values`, its multipliers into `multipliers`. */
function emitInputTerm(
  f: KernelFunction,
  { hidden }: GruProblem,
  weights: Pointer,
  gate: number,
  place: number,
  [values, multipliers]: readonly VectorRegister[],
): void {
  f.code.emit("vmovdqu32", values, memory(f.inputs[0], 4 * gate * hidden));
  f.code.emit("vmovdqu32", multipliers, memory(weights, place * PARAMETER_BYTES + INPUT_MULTIPLIERS));
}

/** Turns sums of a gate into its values. */
function emitGate(
  f: KernelFunction,
  problem: GruProblem,
  weights: Pointer,
  gate: number,
  place: number,
  sums: VectorRegister,
): void {
  const [values, inputMultipliers, multipliers, ...others] = TEMPORARIES;
  emitInputTerm(f, problem, weights, gate, place, [values, inputMultipliers]);
  f.code.emit("vmovdqu32", multipliers, memory(weights, place * PARAMETER_BYTES + RECURRENT_MULTIPLIERS));
  emitGateInput(f, [{ values: sums, multipliers }, { values, multipliers: inputMultipliers }], others);
  emitInterpolated(f, sums, gate === CANDIDATE ? CELL_TABLE : GATE_TABLE, TEMPORARIES);
}

/** The new state and h of `units` units from gates z and g. */
function emitNext(
  f: KernelFunction,
  { state, after }: Pointers,
  z: VectorRegister,
  candidate: VectorRegister,
  units: number,
): void {
  const [next, complement] = KEPT;
  f.code.emit("vpmovsxwd", next, memory(state));
  emitComplement(f, complement, z);
  emitState(f, next, z, complement, candidate);
  emitStore(f, next, "u16", units, state, 0); // the lower halves, as of any 16 bits
  emitHidden(f, next, TEMPORARIES);
  emitStore(f, next, "u8", units, f.output, 0);
  f.code.emit("vpmovdb", memory(after), next);
  f.advance(after, UNITS).advance(state, 2 * units).advance(f.output, units);
}

/** All gates of `units` (at most 16) units, with resets behind the product. */
function emitLinearUnits(
  f: KernelFunction,
  problem: GruProblem,
  form: RecurrentSums,
  pointers: Pointers,
  units: number,
): void {
  const { weights, before } = pointers;
  const [z, reset, candidate] = emitRecurrentSums(f, form, GATES, weights, before);
  [z, reset].forEach((sums, gate) => emitGate(f, problem, weights, gate, gate, sums));
  const [multipliers, even] = TEMPORARIES;
  f.code.emit("vmovdqu32", multipliers, memory(weights, CANDIDATE * PARAMETER_BYTES + RECURRENT_MULTIPLIERS));
  emitGatePart(f, { values: candidate, multipliers }, even);
  const [, , input] = KEPT;
  emitInputTerm(f, problem, weights, CANDIDATE, CANDIDATE, [input, multipliers]);
  emitGatePart(f, { values: input, multipliers }, even);
  emitLinearArgument(f, input, reset, candidate);
  emitInterpolated(f, candidate, CELL_TABLE, TEMPORARIES);
  emitNext(f, pointers, z, candidate, units);
  f.advance(weights, GATES * PARAMETER_BYTES).advance(f.inputs[0], 4 * units);
}

/** Gates z and r of sixteen units: z and h with resets go to scratch. */
function emitFirstPhase(
  f: KernelFunction,
  problem: GruProblem,
  form: RecurrentSums,
  pointers: Pointers,
  units: number,
): void {
  const { weights, before, unit } = pointers;
  const { kept, updates } = scratchOf(problem);
  const sums = emitRecurrentSums(f, form, 2, weights, before);
  sums.forEach((gate, g) => emitGate(f, problem, weights, g, g, gate));
  const [z, reset] = sums;
  const [h] = KEPT;
  f.code.emit("vpmovdw", memory(f.scratch, updates, unit, 2), z);
  f.code.emit("vpmovzxbd", h, memory(before, 0, unit));
  emitKept(f, h, reset);
  f.code.emit("vpmovdb", memory(f.scratch, kept, unit), h);
  f.advance(weights, 2 * PARAMETER_BYTES).advance(f.inputs[0], 4 * units).advance(unit, UNITS);
}

/** Gate g of `units` units, and what follows. */
function emitSecondPhase(
  f: KernelFunction,
  problem: GruProblem,
  form: RecurrentSums,
  pointers: Pointers,
  units: number,
): void {
  const { weights, before, unit } = pointers;
  const { updates } = scratchOf(problem);
  const [candidate] = emitRecurrentSums(f, form, 1, weights, before);
  emitGate(f, problem, weights, CANDIDATE, 0, candidate);
  const [, , z] = KEPT;
  f.code.emit("vpmovzxwd", z, memory(f.scratch, updates, unit, 2));
  emitNext(f, pointers, z, candidate, units);
  f.advance(weights, PARAMETER_BYTES).advance(f.inputs[0], 4 * units).advance(unit, UNITS);
}

function emitBlocks(f: KernelFunction, { hidden }: GruProblem, units: (count: number) => void): void {
  f.repeat(Math.floor(hidden / UNITS), () => units(UNITS));
  if (hidden % UNITS > 0) units(hidden % UNITS);
  f.advance(f.inputs[0], -4 * hidden);
}

/** One image of one step. */
function emitImage(f: KernelFunction, problem: GruProblem, form: RecurrentSums, pointers: Pointers): void {
  const { weights, before, unit } = pointers;
  f.set(weights, f.constants).advance(weights, blocksOf(form));
  if (problem.isLinear) return emitBlocks(f, problem, (units) => emitLinearUnits(f, problem, form, pointers, units));
  f.code.emit("xor", unit, unit);
  emitBlocks(f, problem, (units) => emitFirstPhase(f, problem, form, pointers, units));
  f.code.emit("xor", unit, unit);
  // The second phase reads h with resets, whose register is free after `before` has been kept on the stack.
  f.code.emit("push", before);
  f.set(before, f.scratch).advance(before, scratchOf(problem).kept);
  emitBlocks(f, problem, (units) => emitSecondPhase(f, problem, form, pointers, units));
  f.code.emit("pop", before);
}

/** Writes h of all states that are carried, and moves both pointers to their ends. */
function emitFirstHidden(f: KernelFunction, { batch, hidden }: GruProblem, state: Pointer, to: Pointer): void {
  const [h] = KEPT;
  const sixteen = (units: number): void => {
    f.code.emit("vpmovsxwd", h, memory(state));
    emitHidden(f, h, TEMPORARIES);
    f.code.emit("vpmovdb", memory(to), h);
    f.advance(state, 2 * units).advance(to, UNITS);
  };
  f.repeat(batch, () => {
    f.repeat(Math.floor(hidden / UNITS), () => sixteen(UNITS));
    if (hidden % UNITS > 0) sixteen(hidden % UNITS);
  });
}

function generate(problem: GruProblem, form: RecurrentSums): Uint8Array {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const f = new KernelFunction(carriesState ? 2 : 1);
  const { scratch, output, inputs: [accumulators, carried] } = f;
  const pointers: Pointers = { weights: f.take(), before: f.take(), after: f.take(), state: f.take(), unit: f.take() };
  const { before, after, state } = pointers;
  const places = scratchOf(problem);
  const padded = paddedUnits(hidden);
  const size = batch * hidden;
  const toStates = (): void => {
    if (carriesState) f.set(state, carried);
    else f.set(state, scratch).advance(state, places.state);
  };
  emitTailMask(f, hidden);
  emitGatherMask(f);
  emitSumMasks(f, form);
  f.set(before, scratch);
  toStates();
  if (carriesState) emitFirstHidden(f, problem, state, before);
  else {
    emitFilled(f, before, places.stateBytes, FIRST_HIDDEN);
    emitFilled(f, state, Math.ceil(2 * size / 16) * 16, FIRST_CELL);
  }
  f.set(before, scratch).set(after, scratch).advance(after, places.stateBytes);
  if (isReverse) f.advance(accumulators, 4 * GATES * size * (steps - 1)).advance(output, size * (steps - 1));
  f.repeat(steps, () => {
    toStates();
    f.repeat(batch, () => {
      emitImage(f, problem, form, pointers);
      f.advance(accumulators, 4 * GATES * hidden).advance(before, padded);
    });
    f.set(rax, before).set(before, after).set(after, rax);
    f.advance(before, -places.stateBytes).advance(after, -places.stateBytes);
    if (isReverse) f.advance(accumulators, -2 * 4 * GATES * size).advance(output, -2 * size);
  });
  return f.finish();
}

/** GRUs, all steps in one call. */
export const GRU_KERNELS: readonly NativeKernel<GruProblem>[] = recurrentKernels<GruProblem>({
  kind: "gru",
  scratchBytes: (problem) => scratchOf(problem).bytes,
  generate,
});
