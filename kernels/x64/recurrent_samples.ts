import { activationTable } from "../../lib/arith/activation_table.ts";
import type { GatherProblem, LstmProblem, TableProblem } from "../../lib/arith/problem.ts";
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

/** An LSTM with states, images side by side, and a block that its units do not fill. */
export function sampleLstm(): Sample<LstmProblem> {
  const [steps, batch, hidden] = [3, 2, 21];
  const [rows, size] = [4 * hidden, batch * hidden];
  const problem: LstmProblem = {
    kind: "lstm",
    steps,
    batch,
    hidden,
    isReverse: true,
    weights: Int8Array.from(integers(16, rows * hidden, -127, 127)),
    bias: Int32Array.from(integers(17, rows, -9999, 9999)),
    inputMultipliers: Int32Array.from(integers(18, rows, 2 ** 24, 2 ** 26)),
    recurrentMultipliers: Int32Array.from(integers(19, rows, 2 ** 21, 2 ** 23)),
    shift: 28,
    gateTable: activationTable((x) => 1 / (1 + Math.exp(-x))),
    cellTable: activationTable(Math.tanh),
    cellBits: 13,
    output: { dtype: "u8", zeroPoint: 121, low: 3, high: 251, multiplier: 2 ** 30 + 1, shift: 53 },
    carriesState: true,
  };
  const inputs = [
    Int32Array.from(integers(20, steps * batch * rows, -50000, 50000)),
    Uint8Array.from(integers(21, size, 0, 255)),
    Int16Array.from(integers(22, size, -(2 ** 15), 2 ** 15 - 1)),
  ];
  return { problem, inputs, output: allocate("u8", steps * size) };
}
