import type { LstmProblem } from "../../../lib/arith/problem.ts";
import { emitByteMask, emitCopyBytes } from "../byte_run.ts";
import { emitGatherMask } from "../gather_words.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, rax, type VectorRegister, xmm, zmm } from "../operands.ts";
import { emitStore, emitTailMask } from "../requantization.ts";
import { emitCell, emitCellArgument, emitGateInput, emitHidden, emitInterpolated } from "./gate_arithmetic.ts";
import {
  BIAS,
  BLOCKS,
  CELL_TABLE,
  COLUMNS,
  columnTiles,
  FIRST_CELL,
  FIRST_HIDDEN,
  GATE_TABLE,
  GATES,
  INPUT_MULTIPLIERS,
  packLstm,
  paddedUnits,
  PARAMETER_BYTES,
  RECURRENT_MULTIPLIERS,
  TILE_BYTES,
  UNITS,
} from "./lstm_layout.ts";

/** Tiles of each gate in one round of the loop. */
const UNROLL = 4;

/** Accumulators of each gate, which take tiles in turn: one alone would wait for itself. */
const CHAINS = 2;
const accumulator = (gate: number, chain: number): VectorRegister => zmm(gate + GATES * chain);
const TEMPORARIES = [16, 17, 18, 19, 20].map(zmm);

/** Scratch: h of all images before and after a step, up to whole blocks, then c where no tensor holds it. */
function scratchOf({ batch, hidden, carriesState }: LstmProblem): { stateBytes: number; cell: number; bytes: number } {
  const stateBytes = batch * paddedUnits(hidden);
  const cell = 2 * stateBytes;
  return { stateBytes, cell, bytes: cell + (carriesState ? 0 : Math.ceil(2 * batch * hidden / 16) * 16) };
}

/** What moves on as units and images are done. */
interface Pointers {
  readonly weights: Pointer;
  /** h of this image before the step. */
  readonly before: Pointer;
  /** Where its next units go to. */
  readonly after: Pointer;
  readonly cell: Pointer;
}

/** Sets the accumulators of four gates to the sums of a block of units, and moves `weights` to its parameters. */
function emitRecurrentSums(f: KernelFunction, hidden: number, { weights, before }: Pointers): void {
  const { code } = f;
  for (let i = 0; i < GATES * CHAINS; i++) code.emit("vpxord", zmm(i), zmm(i), zmm(i));
  const tiles = (count: number): void => {
    for (let tile = 0; tile < count; tile++) {
      const columns = TEMPORARIES[tile];
      code.emit("vpbroadcastd", columns, memory(before, COLUMNS * tile));
      for (let gate = 0; gate < GATES; gate++) {
        const weightsOf = memory(weights, (tile * GATES + gate) * TILE_BYTES);
        code.emit("vpdpbusd", accumulator(gate, tile % CHAINS), columns, weightsOf);
      }
    }
    f.advance(before, COLUMNS * count).advance(weights, GATES * TILE_BYTES * count);
  };
  const total = columnTiles(hidden);
  f.repeat(Math.floor(total / UNROLL), () => tiles(UNROLL));
  tiles(total % UNROLL);
  f.advance(before, -COLUMNS * total);
  for (let gate = 0; gate < GATES; gate++) {
    const sums = accumulator(gate, 0);
    code.emit("vpaddd", sums, sums, memory(weights, gate * PARAMETER_BYTES + BIAS));
    for (let chain = 1; chain < CHAINS; chain++) code.emit("vpaddd", sums, sums, accumulator(gate, chain));
  }
}

/** Computes `units` (at most 16) units of one image and step. */
function emitUnits(f: KernelFunction, hidden: number, pointers: Pointers, units: number): void {
  const { code, output, inputs: [accumulators] } = f;
  const { weights, after, cell } = pointers;
  emitRecurrentSums(f, hidden, pointers);
  const gates = Array.from({ length: GATES }, (_, gate) => accumulator(gate, 0));
  const [values, multipliers, inputMultipliers, ...others] = TEMPORARIES;
  gates.forEach((gate, g) => {
    code.emit("vmovdqu32", values, memory(accumulators, 4 * g * hidden));
    code.emit("vmovdqu32", multipliers, memory(weights, g * PARAMETER_BYTES + RECURRENT_MULTIPLIERS));
    code.emit("vmovdqu32", inputMultipliers, memory(weights, g * PARAMETER_BYTES + INPUT_MULTIPLIERS));
    emitGateInput(f, [{ values: gate, multipliers }, { values, multipliers: inputMultipliers }], others);
    emitInterpolated(f, gate, g === GATES - 1 ? CELL_TABLE : GATE_TABLE, TEMPORARIES);
  });
  const [input, hiddenGate, forget, candidate] = gates;
  const [state, argument] = [accumulator(0, 1), accumulator(1, 1)];
  code.emit("vpmovsxwd", state, memory(cell));
  emitCell(f, state, forget, input, candidate);
  emitStore(f, state, "u16", units, cell, 0); // the lower halves, as of any 16 bits
  emitCellArgument(f, argument, state);
  emitInterpolated(f, argument, CELL_TABLE, TEMPORARIES);
  emitHidden(f, hiddenGate, argument, TEMPORARIES);
  emitStore(f, hiddenGate, "u8", units, output, 0);
  code.emit("vpmovdb", memory(after), hiddenGate);
  f.advance(weights, GATES * PARAMETER_BYTES).advance(after, UNITS).advance(cell, 2 * units);
  f.advance(accumulators, 4 * units).advance(output, units);
}

/** Repeats 16 bytes of the constants over `bytes`, a multiple of 16, and moves the pointer to their end. */
function emitFilled(f: KernelFunction, to: Pointer, bytes: number, value: number): void {
  const sixteen = xmm(TEMPORARIES[0].number);
  f.code.emit("vmovdqu8", sixteen, memory(f.constants, value));
  f.repeat(bytes / 16, () => {
    f.code.emit("vmovdqu8", memory(to), sixteen);
    f.advance(to, 16);
  });
}

/** Copies h of all images between a tensor and scratch, where they lie `padded` bytes apart. */
function emitCopiedStates(
  f: KernelFunction,
  { batch, hidden }: LstmProblem,
  [from, fromPitch]: readonly [Pointer, number],
  [to, toPitch]: readonly [Pointer, number],
): void {
  emitByteMask(f, hidden);
  f.repeat(batch, () => {
    emitCopyBytes(f, from, to, hidden);
    f.advance(from, fromPitch - hidden).advance(to, toPitch - hidden);
  });
}

function generate(problem: LstmProblem): Uint8Array {
  const { steps, batch, hidden, isReverse, carriesState } = problem;
  const f = new KernelFunction(carriesState ? 3 : 1);
  const { constants, scratch, output, inputs: [accumulators, hiddenState, cellState] } = f;
  const pointers: Pointers = { weights: f.take(), before: f.take(), after: f.take(), cell: f.take() };
  const { weights, before, after, cell } = pointers;
  const { stateBytes, cell: cellPosition } = scratchOf(problem);
  const padded = paddedUnits(hidden);
  const size = batch * hidden;
  emitTailMask(f, hidden);
  emitGatherMask(f);
  f.set(before, scratch);
  if (carriesState) {
    f.set(cell, hiddenState);
    emitCopiedStates(f, problem, [cell, hidden], [before, padded]);
  } else {
    emitFilled(f, before, stateBytes, FIRST_HIDDEN);
    f.set(cell, scratch).advance(cell, cellPosition);
    emitFilled(f, cell, Math.ceil(2 * size / 16) * 16, FIRST_CELL);
  }
  f.set(before, scratch).set(after, scratch).advance(after, stateBytes);
  if (isReverse) f.advance(accumulators, 16 * size * (steps - 1)).advance(output, size * (steps - 1));
  f.repeat(steps, () => {
    if (carriesState) f.set(cell, cellState);
    else f.set(cell, scratch).advance(cell, cellPosition);
    f.repeat(batch, () => {
      f.set(weights, constants).advance(weights, BLOCKS);
      f.repeat(Math.floor(hidden / UNITS), () => emitUnits(f, hidden, pointers, UNITS));
      if (hidden % UNITS > 0) emitUnits(f, hidden, pointers, hidden % UNITS);
      f.advance(accumulators, 4 * (GATES - 1) * hidden).advance(before, padded);
    });
    f.set(rax, before).set(before, after).set(after, rax).advance(before, -stateBytes).advance(after, -stateBytes);
    if (isReverse) f.advance(accumulators, -2 * 16 * size).advance(output, -2 * size);
  });
  if (carriesState) emitCopiedStates(f, problem, [before, padded], [hiddenState, hidden]);
  return f.finish();
}

/** LSTMs, all steps in one call. */
export const LSTM_KERNELS: readonly NativeKernel<LstmProblem>[] = [{
  target: "x64",
  name: `qu8_qs8c_lstm_${UNITS}x${COLUMNS}__avx512vnni`,
  kind: "lstm",
  supports: () => true,
  pack: packLstm,
  scratchBytes: (problem) => scratchOf(problem).bytes,
  generate,
}];
