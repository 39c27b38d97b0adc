import { ACTIVATION_TABLE_LENGTH } from "../../../lib/arith/activation_table.ts";
import type { LstmProblem } from "../../../lib/arith/problem.ts";
import { bytesOfArray } from "../../../lib/tensor/dtype.ts";
import { LIMITS_BYTES, roundingConstant, writeLimits } from "../requantization.ts";

/** Units of a block, whose four gates are computed together, and columns whose weights lie together. */
export const UNITS = 16;
export const COLUMNS = 4;
export const GATES = 4;

/** Columns of 16 rows of one gate. */
export const TILE_BYTES = UNITS * COLUMNS;

/** Positions in constants: limits and shifts of both requantizations, int32 for all lanes, bytes of first states, tables. */
export const GATE_LIMITS = 0;
export const HIDDEN_LIMITS = LIMITS_BYTES;
/** Behind limits: rounding constant and shift of a requantization with one of each, and its multiplier (int64). */
export const ROUNDING = 24;
export const SHIFT = 32;
export const MULTIPLIER = 40;
const WORDS = 2 * LIMITS_BYTES;
export const WORD = {
  int16Min: WORDS,
  int16Max: WORDS + 4,
  int16Offset: WORDS + 8,
  between: WORDS + 12,
  betweenHalf: WORDS + 16,
  cellHalf: WORDS + 20,
  candidateShift: WORDS + 24,
  argumentLeft: WORDS + 28,
  argumentHalf: WORDS + 32,
  argumentRight: WORDS + 36,
} as const;
export const FIRST_HIDDEN = WORDS + 64;
export const FIRST_CELL = FIRST_HIDDEN + 16;
const TABLE_BYTES = Math.ceil(2 * ACTIVATION_TABLE_LENGTH / 64) * 64;
export const GATE_TABLE = WORDS + 128;
export const CELL_TABLE = GATE_TABLE + TABLE_BYTES;
export const BLOCKS = CELL_TABLE + TABLE_BYTES;

/** Positions in the parameters of a gate of a block, int32 of each unit, behind all weights of the block. */
export const BIAS = 0;
export const INPUT_MULTIPLIERS = 64;
export const RECURRENT_MULTIPLIERS = 128;
export const PARAMETER_BYTES = 192;

/** Tiles of weights along the columns. */
export function columnTiles(hidden: number): number {
  return Math.ceil(hidden / COLUMNS);
}

/** Units up to a whole block. */
export function paddedUnits(hidden: number): number {
  return Math.ceil(hidden / UNITS) * UNITS;
}

/**
 * Constants for all units, and for each block of units the weights, four columns of each gate in turn, then the parameters
 * of each gate; what is beyond the last unit or column is 0. The zero point of h is folded into the biases, modulo 2^32 as
 * the sums are.
 */
export function packLstm(problem: LstmProblem): Uint8Array {
  const { hidden, weights, bias, inputMultipliers, recurrentMultipliers, output: { zeroPoint } } = problem;
  const weightBytes = columnTiles(hidden) * GATES * TILE_BYTES;
  const blockBytes = weightBytes + GATES * PARAMETER_BYTES;
  const bytes = new Uint8Array(BLOCKS + paddedUnits(hidden) / UNITS * blockBytes);
  const view = new DataView(bytes.buffer);
  writeConstants(bytes, view, problem);
  for (let unit = 0; unit < hidden; unit++) {
    const block = BLOCKS + Math.floor(unit / UNITS) * blockBytes;
    const lane = unit % UNITS;
    for (let gate = 0; gate < GATES; gate++) {
      const row = gate * hidden + unit;
      let sum = 0;
      for (let column = 0; column < hidden; column++) {
        const weight = weights[row * hidden + column];
        const tile = block + (Math.floor(column / COLUMNS) * GATES + gate) * TILE_BYTES;
        view.setInt8(tile + lane * COLUMNS + column % COLUMNS, weight);
        sum += weight;
      }
      const parameters = block + weightBytes + gate * PARAMETER_BYTES + 4 * lane;
      view.setInt32(parameters + BIAS, bias[row] - zeroPoint * sum, true);
      view.setInt32(parameters + INPUT_MULTIPLIERS, inputMultipliers[row], true);
      view.setInt32(parameters + RECURRENT_MULTIPLIERS, recurrentMultipliers[row], true);
    }
  }
  return bytes;
}

function writeConstants(bytes: Uint8Array, view: DataView, problem: LstmProblem): void {
  const { gateTable, cellTable, cellBits, output } = problem;
  writeLimits(view, GATE_LIMITS, { dtype: "i32", zeroPoint: 0, low: -(2 ** 15), high: 2 ** 15 - 1 });
  writeLimits(view, HIDDEN_LIMITS, output);
  for (const [limits, shift] of [[GATE_LIMITS, problem.shift], [HIDDEN_LIMITS, output.shift]]) {
    view.setBigInt64(limits + ROUNDING, roundingConstant(shift), true);
    view.setBigInt64(limits + SHIFT, BigInt(shift), true);
  }
  view.setBigInt64(HIDDEN_LIMITS + MULTIPLIER, BigInt(output.multiplier), true);
  const words: Readonly<Record<keyof typeof WORD, number>> = {
    int16Min: -(2 ** 15),
    int16Max: 2 ** 15 - 1,
    int16Offset: 2 ** 15,
    between: 127,
    betweenHalf: 64,
    cellHalf: 2 ** 14,
    candidateShift: 15 - cellBits,
    argumentLeft: Math.max(0, 12 - cellBits),
    argumentHalf: cellBits > 12 ? 2 ** (cellBits - 13) : 0,
    argumentRight: Math.max(0, cellBits - 12),
  };
  for (const name of Object.keys(WORD) as (keyof typeof WORD)[]) view.setInt32(WORD[name], words[name], true); // own keys
  bytes.fill(output.zeroPoint, FIRST_HIDDEN, FIRST_HIDDEN + 16);
  bytes.set(bytesOfArray(gateTable), GATE_TABLE);
  bytes.set(bytesOfArray(cellTable), CELL_TABLE);
}
