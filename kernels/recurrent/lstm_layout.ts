import { ACTIVATION_TABLE_LENGTH } from "../../lib/arith/activation_table.ts";
import type { LstmProblem } from "../../lib/arith/problem.ts";
import { bytesOfArray } from "../../lib/tensor/dtype.ts";

/** Units of a block, whose four gates are computed together, and columns of a tile of weights. */
export const UNITS = 4;
export const COLUMNS = 8;
export const GATES = 4;

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

/** Tiles of weights along the columns. */
export function columnTiles({ hidden }: LstmProblem): number {
  return Math.ceil(hidden / COLUMNS);
}

/**
 * Tables, and for each block of units and each gate the parameters and the weights, in tiles of 4 rows and 8 columns; what
 * is beyond the last unit or column is 0.
 */
export function packLstm(problem: LstmProblem): Uint8Array {
  const { hidden, weights, bias, inputMultipliers, recurrentMultipliers, gateTable, cellTable } = problem;
  const tiles = columnTiles(problem);
  const gateBytes = PARAMETER_BYTES + tiles * UNITS * COLUMNS;
  const bytes = new Uint8Array(BLOCKS + Math.ceil(hidden / UNITS) * GATES * gateBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(bytesOfArray(gateTable), GATE_TABLE);
  bytes.set(bytesOfArray(cellTable), CELL_TABLE);
  for (let unit = 0; unit < hidden; unit++) {
    const lane = unit % UNITS;
    for (let gate = 0; gate < GATES; gate++) {
      const start = BLOCKS + (Math.floor(unit / UNITS) * GATES + gate) * gateBytes;
      const row = gate * hidden + unit;
      view.setInt32(start + BIAS + 4 * lane, bias[row], true);
      view.setInt32(start + INPUT_MULTIPLIERS + 4 * lane, inputMultipliers[row], true);
      view.setInt32(start + RECURRENT_MULTIPLIERS + 4 * lane, recurrentMultipliers[row], true);
      for (let column = 0; column < hidden; column++) {
        const tile = start + PARAMETER_BYTES + Math.floor(column / COLUMNS) * UNITS * COLUMNS;
        bytes[tile + lane * COLUMNS + column % COLUMNS] = weights[row * hidden + column];
      }
    }
  }
  return bytes;
}
