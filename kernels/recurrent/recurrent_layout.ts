import { ACTIVATION_TABLE_LENGTH } from "../../lib/arith/activation_table.ts";
import { firstStates, gateCount, type RecurrentProblem } from "../../lib/arith/problem.ts";
import { bytesOfArray } from "../../lib/tensor/dtype.ts";

/** Units of a block, whose gates are computed together, and columns of a tile of weights. */
export const UNITS = 4;
export const COLUMNS = 8;

/** Bytes of a table of activations in constants. */
const TABLE_BYTES = Math.ceil(2 * ACTIVATION_TABLE_LENGTH / 16) * 16;

/** Positions in constants: both tables, then the blocks. */
export const GATE_TABLE = 0;
export const CELL_TABLE = TABLE_BYTES;
export const BLOCKS = 2 * TABLE_BYTES;

/** Positions in the parameters of a gate of a block, int32 of each unit, before its weights. */
export const BIAS = 0;
export const INPUT_MULTIPLIERS = 16;
export const RECURRENT_MULTIPLIERS = 32;
export const PARAMETER_BYTES = 48;
/** Of the three peepholes of a block. */
export const PEEPHOLE_BYTES = 48;

/** Tiles of weights along the columns. */
export function columnTiles({ hidden }: RecurrentProblem): number {
  return Math.ceil(hidden / COLUMNS);
}

/**
 * Gates that are computed together, by their number: all, or where what one is multiplied with depends on the others, those
 * first.
 */
export function phasesOf(problem: RecurrentProblem): readonly (readonly number[])[] {
  if (problem.kind === "gru") return problem.isLinear ? [[0, 1, 2]] : [[0, 1], [2]];
  return [Array.from({ length: gateCount(problem) }, (_, gate) => gate)];
}

/** Behind the blocks: what the recurrence begins with, and peepholes of i, o and f for each block of units, int32. */
export function tailOf(problem: RecurrentProblem): { hidden: number; state: number; peepholes: number; bytes: number } {
  const blocks = Math.ceil(problem.hidden / UNITS);
  const first = firstStates(problem);
  const aligned = (bytes: number = 0): number => Math.ceil(bytes / 16) * 16;
  const hidden = BLOCKS + blocks * gateCount(problem) * (PARAMETER_BYTES + columnTiles(problem) * UNITS * COLUMNS);
  const state = hidden + aligned(first.hidden?.byteLength);
  const peepholes = state + aligned(first.state?.byteLength);
  const hasPeepholes = problem.kind === "lstm" && problem.peepholes !== undefined;
  return { hidden, state, peepholes, bytes: peepholes + (hasPeepholes ? blocks * PEEPHOLE_BYTES : 0) };
}

function writeTail(bytes: Uint8Array, view: DataView, problem: RecurrentProblem): void {
  const { hidden, state } = firstStates(problem);
  const tail = tailOf(problem);
  if (hidden) bytes.set(hidden, tail.hidden);
  if (state) bytes.set(bytesOfArray(state), tail.state);
  if (problem.kind !== "lstm") return;
  problem.peepholes?.forEach((multiplier, row) => {
    const [gate, unit] = [Math.floor(row / problem.hidden), row % problem.hidden];
    const block = tail.peepholes + Math.floor(unit / UNITS) * PEEPHOLE_BYTES;
    view.setInt32(block + 4 * (gate * UNITS + unit % UNITS), multiplier, true);
  });
}

/**
 * Tables, and for each phase, each block of units and each gate the parameters and the weights, in tiles of 4 rows and 8
 * columns; what is beyond the last unit or column is 0.
 */
export function packRecurrence(problem: RecurrentProblem): Uint8Array {
  const { hidden, weights, bias, inputMultipliers, recurrentMultipliers, cellTable } = problem;
  const gateBytes = PARAMETER_BYTES + columnTiles(problem) * UNITS * COLUMNS;
  const blocks = Math.ceil(hidden / UNITS);
  const phases = phasesOf(problem);
  const bytes = new Uint8Array(tailOf(problem).bytes);
  const view = new DataView(bytes.buffer);
  if (problem.kind !== "rnn") bytes.set(bytesOfArray(problem.gateTable), GATE_TABLE);
  bytes.set(bytesOfArray(cellTable), CELL_TABLE);
  /** A row, `lane` of the block that begins at `start`. */
  const writeRow = (row: number, start: number, lane: number): void => {
    view.setInt32(start + BIAS + 4 * lane, bias[row], true);
    view.setInt32(start + INPUT_MULTIPLIERS + 4 * lane, inputMultipliers[row], true);
    view.setInt32(start + RECURRENT_MULTIPLIERS + 4 * lane, recurrentMultipliers[row], true);
    for (let column = 0; column < hidden; column++) {
      const tile = start + PARAMETER_BYTES + Math.floor(column / COLUMNS) * UNITS * COLUMNS;
      view.setInt8(tile + lane * COLUMNS + column % COLUMNS, weights[row * hidden + column]);
    }
  };
  let start = BLOCKS;
  for (const gates of phases) {
    for (let unit = 0; unit < hidden; unit++) {
      const block = start + Math.floor(unit / UNITS) * gates.length * gateBytes;
      gates.forEach((gate, place) => writeRow(gate * hidden + unit, block + place * gateBytes, unit % UNITS));
    }
    start += blocks * gates.length * gateBytes;
  }
  writeTail(bytes, view, problem);
  return bytes;
}
