import type { LstmProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes, emitFillBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";
import { fitsInt32, offsetTerm, roundingTerm } from "../requantize/dyadic_shift.ts";
import { emitFinishedSums, type SumFinish } from "../requantize/finish_sums.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { emitCell, emitCellArgument, emitGateInput, emitInterpolated } from "./gate_arithmetic.ts";
import {
  BIAS,
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  columnTiles,
  GATE_TABLE,
  GATES,
  INPUT_MULTIPLIERS,
  packLstm,
  PARAMETER_BYTES,
  RECURRENT_MULTIPLIERS,
  UNITS,
} from "./lstm_layout.ts";

/** Tiles of weights in one round of the loop. */
const UNROLL = 4;

/** Scratch: h - Z of one image as int16 up to a whole tile, then h and c where no tensors hold them. */
function scratchOf(problem: LstmProblem): { hiddenStart: number; cellStart: number; bytes: number } {
  const { batch, hidden, carriesState } = problem;
  const hiddenStart = 2 * COLUMNS * columnTiles(problem);
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

/** Writes h - Z of one image and moves `hidden` to the next. Beyond the last unit weights are 0, whatever is read. */
function emitCentred(f: FunctionBuilder, problem: LstmProblem, { hidden, centred }: Pointers): void {
  const to = f.local("i32");
  f.get(centred).set(to);
  f.repeat(columnTiles(problem), () => {
    f.get(to).get(hidden).memory("v128.load8x8_u");
    f.v128(new Int16Array(8).fill(problem.output.zeroPoint)).op("i16x8.sub").memory("v128.store");
    f.advance(to, 2 * COLUMNS).advance(hidden, COLUMNS);
  });
  f.advance(hidden, problem.hidden - COLUMNS * columnTiles(problem));
}

/** Sets `sums` to a_h of one gate of a block, four units, and moves `block` behind their weights. */
function emitRecurrentSums(f: FunctionBuilder, problem: LstmProblem, pointers: Pointers, sums: Local): void {
  const { centred, block } = pointers;
  const rows = f.locals("v128", UNITS);
  const [columns, low] = f.locals("v128", 2);
  const from = f.local("i32");
  f.get(block).memory("v128.load", BIAS).set(sums);
  f.advance(block, PARAMETER_BYTES).get(centred).set(from);
  for (const row of rows) f.v128(new Int32Array(4)).set(row);
  const tiles = (count: number): void => {
    for (let tile = 0; tile < count; tile++) {
      f.get(from).memory("v128.load", 2 * COLUMNS * tile).set(columns);
      rows.forEach((row, r) => {
        f.get(row).get(block).memory("v128.load8x8_s", (tile * UNITS + r) * COLUMNS).get(columns);
        f.op("i32x4.dot_i16x8_s", "i32x4.add").set(row);
      });
    }
    f.advance(from, 2 * COLUMNS * count).advance(block, UNITS * COLUMNS * count);
  };
  const total = columnTiles(problem);
  f.repeat(Math.floor(total / UNROLL), () => tiles(UNROLL));
  if (total % UNROLL > 0) tiles(total % UNROLL);
  // The sum over the four elements of each row: halves of pairs of rows, then halves of those.
  for (const [a, b] of [[rows[0], rows[1]], [rows[2], rows[3]]]) {
    f.get(a).get(b).shuffle(FIRST_HALVES).set(low).get(a).get(b).shuffle(SECOND_HALVES).get(low).op("i32x4.add").set(a);
  }
  f.get(rows[0]).get(rows[2]).shuffle(EVEN_WORDS).get(rows[0]).get(rows[2]).shuffle(ODD_WORDS).op("i32x4.add");
  f.get(sums).op("i32x4.add").set(sums);
}

const wordsOf = (...words: number[]): number[] => words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte));
const FIRST_HALVES = wordsOf(0, 1, 4, 5);
const SECOND_HALVES = wordsOf(2, 3, 6, 7);
const EVEN_WORDS = wordsOf(0, 2, 4, 6);
const ODD_WORDS = wordsOf(1, 3, 5, 7);

/** Computes `lanes` (at most 4) units of one image and step. */
function emitUnits(f: FunctionBuilder, problem: LstmProblem, pointers: Pointers, lanes: number): void {
  const { constants, accumulators, cell, output, block } = pointers;
  const { hidden, shift } = problem;
  const gates = f.locals("v128", GATES);
  const [sums, input, inputMultipliers, recurrentMultipliers, state, argument] = f.locals("v128", 6);
  gates.forEach((gate, g) => {
    f.get(block).memory("v128.load", INPUT_MULTIPLIERS).set(inputMultipliers);
    f.get(block).memory("v128.load", RECURRENT_MULTIPLIERS).set(recurrentMultipliers);
    emitRecurrentSums(f, problem, pointers, sums);
    f.get(accumulators).memory("v128.load", 4 * g * hidden).set(input);
    emitGateInput(f, [[input, inputMultipliers], [sums, recurrentMultipliers]], shift);
    f.set(argument);
    emitInterpolated(f, constants, g === GATES - 1 ? CELL_TABLE : GATE_TABLE, argument, gate);
  });
  const [i, o, forget, candidate] = gates;
  f.get(cell).memory("v128.load16x4_s").set(state);
  emitCell(f, problem, [forget, state], [i, candidate]);
  f.tee(state).get(state).op("i16x8.narrow_i32x4_s").set(argument);
  emitStoreBytes(f, argument, 2 * lanes, { base: cell, offset: 0 });
  emitCellArgument(f, problem, state);
  f.set(argument);
  emitInterpolated(f, constants, CELL_TABLE, argument, state);
  emitHidden(f, problem, [o, state], lanes, output);
  f.advance(accumulators, 4 * lanes).advance(cell, 2 * lanes).advance(output, lanes);
}

/** Stores h = clamp(Z + ((o * t * b + 2^(s-1)) >> s), low, high). */
function emitHidden(
  f: FunctionBuilder,
  { output: range }: LstmProblem,
  [o, t]: readonly [Local, Local],
  lanes: number,
  output: Local,
): void {
  const { multiplier, shift, zeroPoint } = range;
  const [product, low, high] = f.locals("v128", 3);
  const proven = fitsInt32(2 ** 30 * multiplier, shift, zeroPoint);
  f.get(o).get(t).op("i32x4.mul").set(product);
  ([["i64x2.extmul_low_i32x4_s", low], ["i64x2.extmul_high_i32x4_s", high]] as const).forEach(([multiply, sums]) => {
    f.get(product).v128(new Int32Array(4).fill(multiplier)).op(multiply);
    f.v128(new BigInt64Array(2).fill(roundingTerm(shift, proven))).op("i64x2.add").set(sums);
  });
  const finish: SumFinish = {
    output: range,
    proven,
    counts: { per: "vector", push: () => f.i32(shift) },
    pushOffset: () => f.v128(new Int32Array(4).fill(offsetTerm(zeroPoint, shift))),
  };
  emitFinishedSums(f, [low, high], finish, lanes, { base: output, offset: 0 });
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
      emitCentred(f, problem, pointers);
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
  pack: packLstm,
  scratchBytes: (problem) => scratchOf(problem).bytes,
  emit: (problem, module) => {
    const parameters = new Array<"i32">(problem.carriesState ? 6 : 4).fill("i32");
    return module.addFunction(NAME, { parameters }, (f) => emitBody(f, problem));
  },
}];
