import type { LstmProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitCellArgument, emitGateInput, emitInterpolated, emitState, type Product } from "./gate_arithmetic.ts";
import { emitFirst } from "./emit_first.ts";
import { emitHidden } from "./emit_hidden.ts";
import { type EmitHiddenCodes, hiddenCodesOf, withCodingScratch } from "./hidden_codes.ts";
import {
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  GATE_TABLE,
  INPUT_MULTIPLIERS,
  packRecurrence,
  PEEPHOLE_BYTES,
  RECURRENT_MULTIPLIERS,
  tailOf,
  UNITS,
} from "./recurrent_layout.ts";
import { centredBytes, emitCentred, emitRecurrentSums } from "./recurrent_sums.ts";

const GATES = 4;

/** Scratch: h - Z of one image as int16 up to a whole tile, then h and c where no tensors hold them. */
function scratchOf(problem: LstmProblem): { hiddenStart: number; cellStart: number; bytes: number } {
  const { batch, hidden, carriesState } = problem;
  const hiddenStart = centredBytes(problem);
  const states = carriesState ? 0 : batch * hidden;
  const cellStart = hiddenStart + Math.ceil(states / 16) * 16;
  return { hiddenStart, cellStart, bytes: cellStart + 2 * states };
}

/** Pointers, which move on as units and images are done. */
interface Pointers {
  readonly constants: Local;
  readonly centred: Local;
  readonly accumulators: Local;
  readonly hidden: Local;
  readonly cell: Local;
  readonly output: Local;
  readonly block: Local;
  /** Those of the next block of units, where there are some. */
  readonly peepholes?: Local;
}

/** Four rows of a gate: their sums with h, their inputs, and the multipliers of both. */
interface GateRows {
  readonly sums: Product;
  readonly input: Product;
}

const HIDDEN_GATE = 1;
const CANDIDATE = 3;

/** Computes `lanes` (at most 4) units of one image and step. */
function emitUnits(f: FunctionBuilder, problem: LstmProblem, pointers: Pointers, lanes: number): void {
  const { constants, accumulators, cell, output, block, peepholes } = pointers;
  const { hidden, shift } = problem;
  const gates = f.locals("v128", GATES);
  const [state, argument, seen] = f.locals("v128", 3);
  const rows = f.locals("v128", 4);
  /** The output gate waits for the new cell state, where it sees that. */
  const waiting = peepholes === undefined ? rows : f.locals("v128", 4);
  const rowsOf = (gate: number): GateRows => {
    const [sums, recurrentMultipliers, input, inputMultipliers] = gate === HIDDEN_GATE ? waiting : rows;
    return { sums: [sums, recurrentMultipliers], input: [input, inputMultipliers] };
  };
  const emitRows = (gate: number): void => {
    const { sums: [sums, recurrentMultipliers], input: [input, inputMultipliers] } = rowsOf(gate);
    f.get(block).memory("v128.load", INPUT_MULTIPLIERS).set(inputMultipliers);
    f.get(block).memory("v128.load", RECURRENT_MULTIPLIERS).set(recurrentMultipliers);
    emitRecurrentSums(f, problem, pointers.centred, block, sums);
    f.get(accumulators).memory("v128.load", 4 * gate * hidden).set(input);
  };
  const emitGate = (gate: number): void => {
    const { sums, input } = rowsOf(gate);
    const products = [input, sums];
    if (peepholes !== undefined && gate !== CANDIDATE) {
      f.get(peepholes).memory("v128.load", 4 * UNITS * gate).set(seen);
      products.push([state, seen]);
    }
    emitGateInput(f, products, shift);
    f.set(argument);
    emitInterpolated(f, constants, gate === CANDIDATE ? CELL_TABLE : GATE_TABLE, argument, gates[gate]);
  };
  f.get(cell).memory("v128.load16x4_s").set(state);
  gates.forEach((_, gate) => {
    emitRows(gate);
    if (peepholes === undefined || gate !== HIDDEN_GATE) emitGate(gate);
  });
  const [i, o, forget, candidate] = gates;
  emitState(f, problem.cellBits, [forget, state], [i, candidate]);
  f.tee(state).get(state).op("i16x8.narrow_i32x4_s").set(argument);
  emitStoreBytes(f, argument, 2 * lanes, { base: cell, offset: 0 });
  if (peepholes !== undefined) {
    emitGate(HIDDEN_GATE);
    f.advance(peepholes, PEEPHOLE_BYTES);
  }
  emitCellArgument(f, problem, state);
  f.set(argument);
  emitInterpolated(f, constants, CELL_TABLE, argument, state);
  f.get(o).get(state).op("i32x4.mul").set(state);
  emitHidden(f, problem, state, lanes, output);
  f.advance(accumulators, 4 * lanes).advance(cell, 2 * lanes).advance(output, lanes);
}

function emitBody(f: FunctionBuilder, problem: LstmProblem, emitHiddenCodes: EmitHiddenCodes): void {
  const { steps, batch, hidden, isReverse, carriesState, output: { zeroPoint } } = problem;
  const [constants, scratch, output, accumulators, hiddenState, cellState] = f.parameters;
  const [h, cell, block, cellStart, firstHidden, stepOutput] = f.locals("i32", 6);
  const peepholes = problem.peepholes && f.local("i32");
  const pointers: Pointers = { constants, centred: scratch, accumulators, hidden: h, cell, output, block, peepholes };
  const size = batch * hidden;
  if (carriesState) f.get(hiddenState).set(firstHidden).get(cellState).set(cellStart);
  else {
    const places = scratchOf(problem);
    f.get(scratch).i32(places.hiddenStart).op("i32.add").tee(firstHidden).set(h);
    const tail = tailOf(problem);
    const zeros = { pattern: new Uint8Array(16).fill(zeroPoint) };
    emitFirst(f, constants, problem.firstHidden ? { position: tail.hidden } : zeros, h, size);
    f.get(scratch).i32(places.cellStart).op("i32.add").tee(cellStart).set(cell);
    emitFirst(
      f,
      constants,
      problem.firstState ? { position: tail.state } : { pattern: new Uint8Array(16) },
      cell,
      2 * size,
    );
  }
  if (isReverse) f.advance(accumulators, 16 * size * (steps - 1)).advance(output, size * (steps - 1));
  f.get(firstHidden).set(h);
  f.repeat(steps, () => {
    f.get(cellStart).set(cell).get(output).set(stepOutput);
    f.repeat(batch, () => {
      emitCentred(f, problem, h, pointers.centred);
      f.get(constants).i32(BLOCKS).op("i32.add").set(block);
      if (peepholes) f.get(constants).i32(tailOf(problem).peepholes).op("i32.add").set(peepholes);
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, problem, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, problem, pointers, hidden % UNITS);
      emitHiddenCodes(f, output);
      f.advance(accumulators, 4 * (GATES - 1) * hidden);
    });
    f.get(stepOutput).set(h);
    if (isReverse) f.advance(accumulators, -2 * 16 * size).advance(output, -2 * size);
  });
  if (carriesState) emitCopyBytes(f, h, hiddenState, size);
}

const NAME = `qu8_qs8c_lstm_${UNITS}x${COLUMNS}__wasmsimd`;

/** LSTMs, all steps in one call. */
export const LSTM_KERNELS: readonly WasmKernel<LstmProblem>[] = [{
  name: NAME,
  kind: "lstm",
  supports: () => true,
  pack: packRecurrence,
  scratchBytes: (problem) => withCodingScratch(problem, scratchOf(problem).bytes),
  emit: (problem, module) => {
    const parameters = new Array<"i32">(problem.carriesState ? 6 : 4).fill("i32");
    const codes = hiddenCodesOf(problem, module, scratchOf(problem).bytes);
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem, codes));
  },
}];
