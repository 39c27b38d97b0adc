import { activationTable } from "../../lib/arith/activation_table.ts";
import type { GatherProblem, GruProblem, LstmProblem, RnnProblem, TableProblem } from "../../lib/arith/problem.ts";
import { allocate, type TypedArray } from "../../lib/tensor/dtype.ts";
import { seededRandom } from "../../lib/tensor/random.ts";

interface Sample<P> {
  readonly problem: P;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
}

function integers(seed: number, length: number, low: number, high: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length }, () => random.integer(low, high));
}

/** Rows of a table, by indices on both sides of it too. */
export function sampleGather(): Sample<GatherProblem> {
  const [count, rows, width] = [19, 7, 37];
  return {
    problem: { kind: "gather", count, rows, width, table: Uint8Array.from(integers(12, rows * width, 0, 255)) },
    inputs: [Int32Array.from(integers(13, count, -2, rows + 1))],
    output: allocate("u8", count * width),
  };
}

export function sampleTable(): Sample<TableProblem> {
  const size = 89;
  return {
    problem: { kind: "table", size, table: Uint8Array.from(integers(14, 256, 0, 255)) },
    inputs: [Uint8Array.from(integers(15, size, 0, 255))],
    output: allocate("u8", size),
  };
}

const SIZES = { steps: 3, batch: 2, hidden: 21, isReverse: true, carriesState: true } as const;
const SIZE = SIZES.batch * SIZES.hidden;

/** Images side by side, and a block that units do not fill. */
function recurrence(gates: number) {
  const { steps, batch, hidden } = SIZES;
  const rows = gates * hidden;
  const problem: Omit<LstmProblem, "kind" | "cellBits"> = {
    ...SIZES,
    weights: Int8Array.from(integers(16, rows * hidden, -127, 127)),
    bias: Int32Array.from(integers(17, rows, -9999, 9999)),
    inputMultipliers: Int32Array.from(integers(18, rows, 2 ** 24, 2 ** 26)),
    recurrentMultipliers: Int32Array.from(integers(19, rows, 2 ** 21, 2 ** 23)),
    shift: 28,
    gateTable: activationTable((x) => 1 / (1 + Math.exp(-x))),
    cellTable: activationTable(Math.tanh),
    output: { dtype: "u8", zeroPoint: 121, low: 3, high: 251, multiplier: 2 ** 30 + 1, shift: 53 },
  };
  return {
    problem,
    accumulators: Int32Array.from(integers(20, steps * batch * rows, -50000, 50000)),
    state: Int16Array.from(integers(22, SIZE, -(2 ** 15), 2 ** 15 - 1)),
    output: allocate("u8", steps * SIZE),
  };
}

export function sampleLstm(): Sample<LstmProblem> {
  const { problem, accumulators, state, output } = recurrence(4);
  const hidden = Uint8Array.from(integers(21, SIZE, 0, 255));
  return { problem: { kind: "lstm", ...problem, cellBits: 13 }, inputs: [accumulators, hidden, state], output };
}

export function sampleGru(isLinear: boolean): Sample<GruProblem> {
  const { problem, accumulators, state, output } = recurrence(3);
  return {
    problem: { kind: "gru", ...problem, isLinear, stateBits: 14, output: { ...problem.output, shift: 38 } },
    inputs: [accumulators, state],
    output,
  };
}

export function sampleRnn(): Sample<RnnProblem> {
  const { problem: { gateTable: _, ...problem }, accumulators, output } = recurrence(1);
  const hidden = Uint8Array.from(integers(21, SIZE, 0, 255));
  return {
    problem: { kind: "rnn", ...problem, argumentBits: 12, output: { ...problem.output, shift: 38 } },
    inputs: [accumulators, hidden],
    output,
  };
}
