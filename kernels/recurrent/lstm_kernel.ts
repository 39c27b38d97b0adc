import type { LstmProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes, emitFillBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitCellArgument, emitGateInput, emitInterpolated, emitState } from "./gate_arithmetic.ts";
import { emitHidden } from "./emit_hidden.ts";
import {
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  GATE_TABLE,
  INPUT_MULTIPLIERS,
  packRecurrence,
  RECURRENT_MULTIPLIERS,
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
}

/** Computes `lanes` (at most 4) units of one image and step. */
function emitUnits(f: FunctionBuilder, problem: LstmProblem, pointers: Pointers, lanes: number): void {
  const { constants, accumulators, cell, output, block } = pointers;
  const { hidden, shift } = problem;
  const gates = f.locals("v128", GATES);
  const [sums, input, inputMultipliers, recurrentMultipliers, state, argument] = f.locals("v128", 6);
  gates.forEach((gate, g) => {
    f.get(block).memory("v128.load", INPUT_MULTIPLIERS).set(inputMultipliers);
    f.get(block).memory("v128.load", RECURRENT_MULTIPLIERS).set(recurrentMultipliers);
    emitRecurrentSums(f, problem, pointers.centred, block, sums);
    f.get(accumulators).memory("v128.load", 4 * g * hidden).set(input);
    emitGateInput(f, [[input, inputMultipliers], [sums, recurrentMultipliers]], shift);
    f.set(argument);
    emitInterpolated(f, constants, g === GATES - 1 ? CELL_TABLE : GATE_TABLE, argument, gate);
  });
  const [i, o, forget, candidate] = gates;
  f.get(cell).memory("v128.load16x4_s").set(state);
  emitState(f, problem.cellBits, [forget, state], [i, candidate]);
  f.tee(state).get(state).op("i16x8.narrow_i32x4_s").set(argument);
  emitStoreBytes(f, argument, 2 * lanes, { base: cell, offset: 0 });
  emitCellArgument(f, problem, state);
  f.set(argument);
  emitInterpolated(f, constants, CELL_TABLE, argument, state);
  f.get(o).get(state).op("i32x4.mul").set(state);
  emitHidden(f, problem, state, lanes, output);
  f.advance(accumulators, 4 * lanes).advance(cell, 2 * lanes).advance(output, lanes);
}

function emitBody(f: FunctionBuilder, problem: LstmProblem): void {
  const { steps, batch, hidden, isReverse, carriesState, output: { zeroPoint } } = problem;
  const [constants, scratch, output, accumulators, hiddenState, cellState] = f.parameters;
  const [h, cell, block, cellStart, firstHidden, stepOutput] = f.locals("i32", 6);
  const pointers: Pointers = { constants, centred: scratch, accumulators, hidden: h, cell, output, block };
  const size = batch * hidden;
  if (carriesState) f.get(hiddenState).set(firstHidden).get(cellState).set(cellStart);
  else {
    const places = scratchOf(problem);
    f.get(scratch).i32(places.hiddenStart).op("i32.add").tee(firstHidden).set(h);
    emitFillBytes(f, h, size, new Uint8Array(16).fill(zeroPoint));
    f.get(scratch).i32(places.cellStart).op("i32.add").tee(cellStart).set(cell);
    emitFillBytes(f, cell, 2 * size, new Uint8Array(16));
  }
  if (isReverse) f.advance(accumulators, 16 * size * (steps - 1)).advance(output, size * (steps - 1));
  f.get(firstHidden).set(h);
  f.repeat(steps, () => {
    f.get(cellStart).set(cell).get(output).set(stepOutput);
    f.repeat(batch, () => {
      emitCentred(f, problem, h, pointers.centred);
      f.get(constants).i32(BLOCKS).op("i32.add").set(block);
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, problem, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, problem, pointers, hidden % UNITS);
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
  scratchBytes: (problem) => scratchOf(problem).bytes,
  emit: (problem, module) => {
    const parameters = new Array<"i32">(problem.carriesState ? 6 : 4).fill("i32");
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem));
  },
}];
