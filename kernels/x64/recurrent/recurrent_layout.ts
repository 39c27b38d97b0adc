import { unpackPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import { ACTIVATION_TABLE_LENGTH } from "../../../lib/arith/activation_table.ts";
import { gateCount, type RecurrentProblem } from "../../../lib/arith/problem.ts";
import { clamp } from "../../../lib/arith/round.ts";
import { bytesOfArray } from "../../../lib/tensor/dtype.ts";
import { codeLayout, packCodedRow } from "../codes/code_layout.ts";
import { CODE_CONSTANT_BYTES, writeCodeConstants } from "../codes/coded_sums.ts";
import { LIMITS_BYTES, roundingConstant, writeLimits } from "../requantization.ts";

/** Units of a block, whose gates are computed together, and columns whose weights lie together. */
export const UNITS = 16;
export const COLUMNS = 4;

/** Columns of 16 rows of one gate. */
export const TILE_BYTES = UNITS * COLUMNS;

/** Positions in constants: limits and shifts of all requantizations, int32 for all lanes, bytes of first states, tables. */
export const GATE_LIMITS = 0;
export const HIDDEN_LIMITS = LIMITS_BYTES;
/** Behind limits: rounding constant and shift of a requantization with one of each, and its multiplier (int64). */
export const ROUNDING = 24;
export const SHIFT = 32;
export const MULTIPLIER = 40;
/** Of the parts of a gate's input where they are clamped to 17 bits. */
export const PART_LIMITS = 2 * LIMITS_BYTES;
const WORDS = 3 * LIMITS_BYTES;
export const WORD = {
  int16Min: WORDS,
  int16Max: WORDS + 4,
  int16Offset: WORDS + 8,
  between: WORDS + 12,
  betweenHalf: WORDS + 16,
  productHalf: WORDS + 20,
  candidateShift: WORDS + 24,
  argumentLeft: WORDS + 28,
  argumentHalf: WORDS + 32,
  argumentRight: WORDS + 36,
  zeroPoint: WORDS + 40,
} as const;
export const FIRST_HIDDEN = WORDS + 64;
export const FIRST_CELL = FIRST_HIDDEN + 16;
const TABLE_BYTES = Math.ceil(2 * ACTIVATION_TABLE_LENGTH / 64) * 64;
export const GATE_TABLE = WORDS + 128;
export const CELL_TABLE = GATE_TABLE + TABLE_BYTES;
/** Constants of codes, where those are read, and blocks from there on. */
export const CODE_CONSTANTS = CELL_TABLE + TABLE_BYTES;

/** Positions in the parameters of a gate of a block, int32 of each unit, behind all weights of the block. */
export const BIAS = 0;
export const INPUT_MULTIPLIERS = 64;
export const RECURRENT_MULTIPLIERS = 128;
export const PARAMETER_BYTES = 192;

/** How the weights of a recurrence are read: as int8, or as binary codes of so many bits. */
export interface WeightForm {
  readonly hidden: number;
  readonly bits?: number;
}

/** Byte position of the blocks of units in the constants. */
export function blocksOf({ bits }: WeightForm): number {
  return CODE_CONSTANTS + (bits === undefined ? 0 : CODE_CONSTANT_BYTES);
}

/** Bytes of the weights of sixteen rows of a gate. */
export function gateWeightBytes({ hidden, bits }: WeightForm): number {
  return bits === undefined ? columnTiles(hidden) * TILE_BYTES : codeLayout({ bits, columns: hidden }).bytes;
}

/** Tiles of weights along the columns. */
export function columnTiles(hidden: number): number {
  return Math.ceil(hidden / COLUMNS);
}

/** Units up to a whole block. */
export function paddedUnits(hidden: number): number {
  return Math.ceil(hidden / UNITS) * UNITS;
}

/**
 * Gates that are computed together, by their number: all, or where what one is multiplied with depends on the others, those
 * first.
 */
export function phasesOf(problem: RecurrentProblem): readonly (readonly number[])[] {
  if (problem.kind === "gru") return problem.isLinear ? [[0, 1, 2]] : [[0, 1], [2]];
  return [Array.from({ length: gateCount(problem) }, (_, gate) => gate)];
}

/**
 * Constants for all units, and for each phase and each block of units the weights, four columns of each gate in turn or the
 * codes of each gate, then the parameters of each gate; what is beyond the last unit or column is 0. The zero point of h is
 * folded into the biases, modulo 2^32 as the sums are.
 */
export function packRecurrence(problem: RecurrentProblem, form: WeightForm): Uint8Array {
  const { hidden, bias, codes } = problem;
  const phases = phasesOf(problem);
  const gateBytes = gateWeightBytes(form) + PARAMETER_BYTES;
  const blocks = paddedUnits(hidden) / UNITS;
  const bytes = new Uint8Array(blocksOf(form) + blocks * phases.flat().length * gateBytes);
  const view = new DataView(bytes.buffer);
  writeConstants(bytes, view, problem);
  const { bits } = form;
  if (bits !== undefined) writeCodeConstants(view, CODE_CONSTANTS, bits);
  const elements = bits === undefined ? undefined : unpackPlanes(codes!.planes, bias.length, hidden, bits);
  let start = blocksOf(form);
  for (const gates of phases) {
    for (let unit = 0; unit < hidden; unit++) {
      const block = start + Math.floor(unit / UNITS) * gates.length * gateBytes;
      gates.forEach((gate, place) => {
        const row = gate * hidden + unit;
        if (elements === undefined || bits === undefined) writeWeights(view, problem, row, block, place, gates.length);
        else {
          const rows = bytes.subarray(block + place * gateWeightBytes(form));
          const multipliers = codes!.multipliers.subarray(row * bits, (row + 1) * bits);
          const ofRow = elements.subarray(row * hidden, (row + 1) * hidden);
          packCodedRow(rows, unit % UNITS, { bits, columns: hidden }, ofRow, multipliers);
        }
        const parameters = block + gates.length * gateWeightBytes(form) + place * PARAMETER_BYTES;
        writeParameters(view, problem, row, parameters + 4 * (unit % UNITS));
      });
    }
    start += blocks * gates.length * gateBytes;
  }
  return bytes;
}

/** Writes the weights of a row into its block, as gate number `place` of `gates`. */
function writeWeights(
  view: DataView,
  { hidden, weights }: RecurrentProblem,
  row: number,
  block: number,
  place: number,
  gates: number,
): void {
  const lane = row % hidden % UNITS;
  for (let column = 0; column < hidden; column++) {
    const tile = block + (Math.floor(column / COLUMNS) * gates + place) * TILE_BYTES;
    view.setInt8(tile + lane * COLUMNS + column % COLUMNS, weights[row * hidden + column]);
  }
}

function writeParameters(view: DataView, problem: RecurrentProblem, row: number, position: number): void {
  const { hidden, weights, bias, inputMultipliers, recurrentMultipliers, output: { zeroPoint } } = problem;
  let sum = 0;
  for (let i = row * hidden; i < (row + 1) * hidden; i++) sum += weights[i];
  view.setInt32(position + BIAS, bias[row] - zeroPoint * sum, true);
  view.setInt32(position + INPUT_MULTIPLIERS, inputMultipliers[row], true);
  view.setInt32(position + RECURRENT_MULTIPLIERS, recurrentMultipliers[row], true);
}

/** Fraction bits of the 16-bit state; what an RNN's code does not read. */
function stateBitsOf(problem: RecurrentProblem): number {
  if (problem.kind === "rnn") return 15;
  return problem.kind === "lstm" ? problem.cellBits : problem.stateBits;
}

/** h before the first step where none is carried: what stands for 0, of a GRU that of the state 0. */
function firstHidden({ kind, output: { zeroPoint, low, high } }: RecurrentProblem): number {
  return kind === "gru" ? clamp(zeroPoint, low, high) : zeroPoint;
}

function writeConstants(bytes: Uint8Array, view: DataView, problem: RecurrentProblem): void {
  const { cellTable, output } = problem;
  const stateBits = stateBitsOf(problem);
  writeLimits(view, GATE_LIMITS, { dtype: "i32", zeroPoint: 0, low: -(2 ** 15), high: 2 ** 15 - 1 });
  writeLimits(view, PART_LIMITS, { dtype: "i32", zeroPoint: 0, low: -(2 ** 16), high: 2 ** 16 - 1 });
  writeLimits(view, HIDDEN_LIMITS, output);
  const shifts = [[GATE_LIMITS, problem.shift], [PART_LIMITS, problem.shift], [HIDDEN_LIMITS, output.shift]];
  for (const [limits, shift] of shifts) {
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
    productHalf: 2 ** 14,
    candidateShift: 15 - stateBits,
    argumentLeft: Math.max(0, 12 - stateBits),
    argumentHalf: stateBits > 12 ? 2 ** (stateBits - 13) : 0,
    argumentRight: Math.max(0, stateBits - 12),
    zeroPoint: output.zeroPoint,
  };
  for (const name of Object.keys(WORD) as (keyof typeof WORD)[]) view.setInt32(WORD[name], words[name], true); // own keys
  bytes.fill(firstHidden(problem), FIRST_HIDDEN, FIRST_HIDDEN + 16);
  if (problem.kind !== "rnn") bytes.set(bytesOfArray(problem.gateTable), GATE_TABLE);
  bytes.set(bytesOfArray(cellTable), CELL_TABLE);
}
