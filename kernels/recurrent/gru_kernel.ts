import type { GruProblem } from "../../lib/arith/problem.ts";
import { clamp } from "../../lib/arith/round.ts";
import { emitFillBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitFirst } from "./emit_first.ts";
import { emitHidden } from "./emit_hidden.ts";
import { type EmitHiddenCodes, hiddenCodesOf, withCodingScratch } from "./hidden_codes.ts";
import {
  emitComplement,
  emitGateInput,
  emitInterpolated,
  emitSaturated,
  emitScaled,
  emitState,
} from "./gate_arithmetic.ts";
import {
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  GATE_TABLE,
  INPUT_MULTIPLIERS,
  packRecurrence,
  RECURRENT_MULTIPLIERS,
  tailOf,
  UNITS,
} from "./recurrent_layout.ts";
import { centredBytes, emitCentred, emitRecurrentSums } from "./recurrent_sums.ts";

const GATES = 3;
const CANDIDATE = 2;

/**
 * Scratch: h - Z of one image as int16 up to a whole tile, without and with resets; gate z of one image as int32; h before
 * the first step; the state where no tensor holds it.
 */
function scratchOf(problem: GruProblem) {
  const { batch, hidden, carriesState } = problem;
  const kept = centredBytes(problem);
  const updates = 2 * kept;
  const firstHidden = updates + 4 * UNITS * Math.ceil(hidden / UNITS);
  const state = firstHidden + Math.ceil(batch * hidden / 16) * 16;
  return { kept, updates, firstHidden, state, bytes: state + (carriesState ? 0 : 2 * batch * hidden) };
}

/** Pointers, which move on as units and images are done. */
interface Pointers {
  readonly constants: Local;
  readonly centred: Local;
  readonly kept: Local;
  readonly accumulators: Local;
  readonly state: Local;
  readonly output: Local;
  readonly block: Local;
  /** Where what a phase leaves to the next lies: h - Z, the same with resets, and gate z. */
  readonly unit: { readonly centred: Local; readonly kept: Local; readonly update: Local };
}

/** Four int32 of a gate, and where the gate lies. */
interface GateUnits {
  readonly inputMultipliers: Local;
  readonly recurrentMultipliers: Local;
  readonly sums: Local;
  readonly input: Local;
}

/** Sets a_h, a_x and multipliers of four units of a gate, and moves `block` on. */
function emitGateUnits(
  f: FunctionBuilder,
  problem: GruProblem,
  { block, accumulators }: Pointers,
  centred: Local,
  gate: number,
): GateUnits {
  const [inputMultipliers, recurrentMultipliers, sums, input] = f.locals("v128", 4);
  f.get(block).memory("v128.load", INPUT_MULTIPLIERS).set(inputMultipliers);
  f.get(block).memory("v128.load", RECURRENT_MULTIPLIERS).set(recurrentMultipliers);
  emitRecurrentSums(f, problem, centred, block, sums);
  f.get(accumulators).memory("v128.load", 4 * gate * problem.hidden).set(input);
  return { inputMultipliers, recurrentMultipliers, sums, input };
}

/** Sets `target` to a gate of four units. */
function emitGate(
  f: FunctionBuilder,
  problem: GruProblem,
  pointers: Pointers,
  centred: Local,
  gate: number,
  target: Local,
): void {
  const { input, inputMultipliers, sums, recurrentMultipliers } = emitGateUnits(f, problem, pointers, centred, gate);
  emitGateInput(f, [[input, inputMultipliers], [sums, recurrentMultipliers]], problem.shift);
  f.set(input);
  emitInterpolated(f, pointers.constants, gate === CANDIDATE ? CELL_TABLE : GATE_TABLE, input, target);
}

/** Stores state and h of `lanes` units from gates z and g. */
function emitNext(
  f: FunctionBuilder,
  problem: GruProblem,
  { state, output }: Pointers,
  z: Local,
  candidate: Local,
  lanes: number,
): void {
  const [last, complement, narrow] = f.locals("v128", 3);
  f.get(state).memory("v128.load16x4_s").set(last);
  emitComplement(f, z).set(complement);
  emitState(f, problem.stateBits, [z, last], [complement, candidate]);
  f.tee(last).get(last).op("i16x8.narrow_i32x4_s").set(narrow);
  emitStoreBytes(f, narrow, 2 * lanes, { base: state, offset: 0 });
  emitHidden(f, problem, last, lanes, output);
  f.advance(state, 2 * lanes).advance(output, lanes);
}

/** All gates of `lanes` (at most 4) units, with resets behind the product. */
function emitLinearUnits(f: FunctionBuilder, problem: GruProblem, pointers: Pointers, lanes: number): void {
  const { centred, constants, accumulators } = pointers;
  const [z, reset, candidate, u] = f.locals("v128", 4);
  emitGate(f, problem, pointers, centred, 0, z);
  emitGate(f, problem, pointers, centred, 1, reset);
  const { input, inputMultipliers, sums, recurrentMultipliers } = emitGateUnits(
    f,
    problem,
    pointers,
    centred,
    CANDIDATE,
  );
  emitGateInput(f, [[input, inputMultipliers]], problem.shift, 17);
  f.set(u);
  emitGateInput(f, [[sums, recurrentMultipliers]], problem.shift, 17);
  f.set(sums);
  emitSaturated(emitScaled(f, [reset, sums]).get(u).op("i32x4.add")).set(input);
  emitInterpolated(f, constants, CELL_TABLE, input, candidate);
  emitNext(f, problem, pointers, z, candidate, lanes);
  f.advance(accumulators, 4 * lanes);
}

/** Gates z and r of four units: z and h - Z with resets go to scratch. */
function emitFirstPhase(f: FunctionBuilder, problem: GruProblem, pointers: Pointers, lanes: number): void {
  const { centred, accumulators, unit } = pointers;
  const [z, reset, h] = f.locals("v128", 3);
  emitGate(f, problem, pointers, centred, 0, z);
  emitGate(f, problem, pointers, centred, 1, reset);
  f.get(unit.update).get(z).memory("v128.store");
  f.get(unit.centred).memory("v128.load16x4_s").set(h);
  emitScaled(f, [reset, h]).tee(h).get(h).op("i16x8.narrow_i32x4_s").set(h);
  emitStoreBytes(f, h, 2 * UNITS, { base: unit.kept, offset: 0 });
  f.advance(unit.update, 4 * UNITS).advance(unit.centred, 2 * UNITS).advance(unit.kept, 2 * UNITS);
  f.advance(accumulators, 4 * lanes);
}

/** Gate g of `lanes` units, and what follows. */
function emitSecondPhase(f: FunctionBuilder, problem: GruProblem, pointers: Pointers, lanes: number): void {
  const { kept, accumulators, unit } = pointers;
  const [z, candidate] = f.locals("v128", 2);
  emitGate(f, problem, pointers, kept, CANDIDATE, candidate);
  f.get(unit.update).memory("v128.load").set(z);
  emitNext(f, problem, pointers, z, candidate, lanes);
  f.advance(unit.update, 4 * UNITS).advance(accumulators, 4 * lanes);
}

/** All units of an image; `accumulators` ends where it began. */
function emitUnits(f: FunctionBuilder, hidden: number, accumulators: Local, units: (lanes: number) => void): void {
  f.repeat(Math.floor(hidden / UNITS), () => units(UNITS));
  if (hidden % UNITS > 0) units(hidden % UNITS);
  f.advance(accumulators, -4 * hidden);
}

/** One image of one step, with `centred` set. */
function emitImage(f: FunctionBuilder, problem: GruProblem, pointers: Pointers): void {
  const { constants, centred, kept, accumulators, block, unit } = pointers;
  const { hidden, isLinear } = problem;
  f.get(constants).i32(BLOCKS).op("i32.add").set(block);
  if (isLinear) return emitUnits(f, hidden, accumulators, (lanes) => emitLinearUnits(f, problem, pointers, lanes));
  const updates = scratchOf(problem).updates;
  f.get(centred).tee(unit.centred).i32(updates).op("i32.add").set(unit.update).get(kept).set(unit.kept);
  emitUnits(f, hidden, accumulators, (lanes) => emitFirstPhase(f, problem, pointers, lanes));
  f.get(centred).i32(updates).op("i32.add").set(unit.update);
  emitUnits(f, hidden, accumulators, (lanes) => emitSecondPhase(f, problem, pointers, lanes));
}

/** Sets h before the first step, at `to`, and the state where none is carried. */
function emitFirstStates(f: FunctionBuilder, problem: GruProblem, state: Local, firstHidden: Local): void {
  const { batch, hidden, carriesState, firstState, output: { zeroPoint, low, high } } = problem;
  const [from, to] = f.locals("i32", 2);
  const values = f.local("v128");
  const size = batch * hidden;
  f.get(state).set(from).get(firstHidden).set(to);
  if (firstState !== undefined) {
    emitFirst(f, f.parameters[0], { position: tailOf(problem).state }, from, 2 * size);
    f.get(state).set(from);
  }
  if (carriesState || firstState !== undefined) {
    const four = (lanes: number): void => {
      f.get(from).memory("v128.load16x4_s").set(values);
      emitHidden(f, problem, values, lanes, to);
      f.advance(from, 2 * lanes).advance(to, lanes);
    };
    f.repeat(Math.floor(size / 4), () => four(4));
    if (size % 4 > 0) four(size % 4);
  } else {
    emitFillBytes(f, to, size, new Uint8Array(16).fill(clamp(zeroPoint, low, high)));
    emitFillBytes(f, from, 2 * size, new Uint8Array(16));
  }
}

function emitBody(f: FunctionBuilder, problem: GruProblem, emitHiddenCodes: EmitHiddenCodes): void {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const [constants, scratch, output, accumulators, carried] = f.parameters;
  const [h, state, block, kept, firstState, firstHidden, stepOutput, centredUnit, keptUnit, update] = f.locals(
    "i32",
    10,
  );
  const unit = { centred: centredUnit, kept: keptUnit, update };
  const pointers: Pointers = { constants, centred: scratch, kept, accumulators, state, output, block, unit };
  const size = batch * hidden;
  const places = scratchOf(problem);
  const setTo = (pointer: Local, position: number): FunctionBuilder =>
    f.get(scratch).i32(position).op("i32.add").set(pointer);
  setTo(kept, places.kept);
  setTo(firstHidden, places.firstHidden);
  if (carriesState) f.get(carried).set(firstState);
  else setTo(firstState, places.state);
  emitFirstStates(f, problem, firstState, firstHidden);
  f.get(firstHidden).set(h);
  if (problem.hiddenCodes !== undefined) {
    f.repeat(batch, () => {
      f.advance(h, hidden);
      emitHiddenCodes(f, h);
    });
  }
  if (isReverse) f.advance(accumulators, 4 * GATES * size * (steps - 1)).advance(output, size * (steps - 1));
  f.get(firstHidden).set(h);
  f.repeat(steps, () => {
    f.get(firstState).set(state).get(output).set(stepOutput);
    f.repeat(batch, () => {
      emitCentred(f, problem, h, scratch);
      emitImage(f, problem, pointers);
      emitHiddenCodes(f, output);
      f.advance(accumulators, 4 * GATES * hidden);
    });
    f.get(stepOutput).set(h);
    if (isReverse) f.advance(accumulators, -2 * 4 * GATES * size).advance(output, -2 * size);
  });
}

const NAME = `qu8_qs8c_gru_${UNITS}x${COLUMNS}__wasmsimd`;

/** GRUs, all steps in one call. */
export const GRU_KERNELS: readonly WasmKernel<GruProblem>[] = [{
  name: NAME,
  kind: "gru",
  supports: () => true,
  pack: packRecurrence,
  scratchBytes: (problem) => withCodingScratch(problem, scratchOf(problem).bytes),
  emit: (problem, module) => {
    const parameters = new Array<"i32">(problem.carriesState ? 5 : 4).fill("i32");
    const codes = hiddenCodesOf(problem, module, scratchOf(problem).bytes);
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem, codes));
  },
}];
