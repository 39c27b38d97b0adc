import fc from "fast-check";
import { ACTIVATION_TABLE_LENGTH, activationTable } from "../../../lib/arith/activation_table.ts";
import type {
  GatherProblem,
  GruProblem,
  LstmProblem,
  RecurrentProblem,
  RnnProblem,
  TableProblem,
} from "../../../lib/arith/problem.ts";
import {
  DTYPE_LIMITS,
  edgeInteger,
  type Fill,
  filledArray,
  type KernelCase,
  randomFill,
  randomMultiplier,
  randomShift,
} from "./values.ts";

/** Rows of tables, by indices that also lie outside. */
export function randomGather(): fc.Arbitrary<KernelCase<GatherProblem>> {
  return fc.record({
    count: fc.integer({ min: 1, max: 9 }),
    rows: fc.integer({ min: 1, max: 30 }),
    width: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 60, max: 200 })),
    seed: fc.integer(),
  }).chain(({ count, rows, width, seed }) => {
    const index = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: rows - 1 }) },
      { weight: 1, arbitrary: fc.constantFrom(-1, rows, ...DTYPE_LIMITS.i32) },
    );
    return fc.array(index, { minLength: count, maxLength: count }).map((indices) => ({
      problem: {
        kind: "gather" as const,
        count,
        rows,
        width,
        table: filledArray("u8", rows * width, DTYPE_LIMITS.u8, "random", seed),
      },
      inputs: [Int32Array.from(indices)],
      output: new Uint8Array(count * width),
    }));
  });
}

export function randomTable(): fc.Arbitrary<KernelCase<TableProblem>> {
  return fc.record({ size: fc.integer({ min: 1, max: 200 }), seed: fc.integer() }).map(({ size, seed }) => ({
    problem: { kind: "table" as const, size, table: filledArray("u8", 256, DTYPE_LIMITS.u8, "random", seed) },
    inputs: [filledArray("u8", size, DTYPE_LIMITS.u8, "random", seed + 1)],
    output: new Uint8Array(size),
  }));
}

const LOGISTIC = activationTable((x) => 1 / (1 + Math.exp(-x)));
const HYPERBOLIC_TANGENT = activationTable(Math.tanh);

const TRAINED_TABLES = { gateTable: LOGISTIC, cellTable: HYPERBOLIC_TANGENT };

/** Any tables that a network may hold: gates from 0 on. */
function randomTables(seed: number): typeof TRAINED_TABLES {
  const [gates, cells] = seed % 2 === 0 ? ["random", "random"] as const : ["largest", "smallest"] as const;
  return {
    gateTable: filledArray("i16", ACTIVATION_TABLE_LENGTH, [0, 2 ** 15 - 1], gates, seed),
    cellTable: filledArray("i16", ACTIVATION_TABLE_LENGTH, DTYPE_LIMITS.i16, cells, seed),
  };
}

type Size = Pick<RecurrentProblem, "steps" | "batch" | "hidden">;

/** Sizes of small recurrences: whole blocks of units, parts of one, one and several steps and images. */
export function randomRecurrentSize(): fc.Arbitrary<Size> {
  return fc.record({
    steps: fc.integer({ min: 1, max: 5 }),
    batch: fc.integer({ min: 1, max: 3 }),
    hidden: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 70 })),
  });
}

/** What recurrences of all kinds have, and their inputs. */
interface RecurrentCase {
  readonly problem: Omit<GruProblem, "kind" | "isLinear">;
  readonly seed: number;
  readonly accumulators: Int32Array;
  readonly hidden: Uint8Array;
  readonly state: Int16Array;
  readonly output: Uint8Array;
}

/**
 * Recurrences of so many gates, with states that are carried or not. Half of them have the scales of a trained one, so that
 * no gate is stuck, `ordinaryOutputShift` being that of h; the others any that a network may have, sums up to 62 bits.
 */
function randomRecurrence(
  sizes: fc.Arbitrary<Size>,
  gates: number,
  ordinaryOutputShift: number,
): fc.Arbitrary<RecurrentCase> {
  return sizes.chain(({ steps, batch, hidden }) => {
    const rows = gates * hidden;
    const size = batch * hidden;
    const any = fc.record({
      shift: randomShift(),
      stateBits: fc.integer({ min: 0, max: 15 }),
      zeroPoint: edgeInteger(...DTYPE_LIMITS.u8),
      limits: fc.constantFrom<readonly [number, number]>([0, 255], [17, 201], [128, 255], [90, 90]),
      factors: fc.constant<readonly [number, number]>([0, 2 ** 31 - 1]),
      recurrentFactors: fc.constant<readonly [number, number]>([0, 2 ** 31 - 1]),
      biases: fc.constant(2 ** 28),
      inputs: fc.constant(2 ** 29),
      multiplier: edgeInteger(0, 2 ** 31 - 1),
      outputShift: randomShift(),
      fill: randomFill(),
      hasTrainedTables: fc.boolean(),
    });
    const ordinary: typeof any = fc.record({
      shift: fc.constant(28),
      stateBits: fc.integer({ min: 10, max: 15 }),
      zeroPoint: fc.integer({ min: 90, max: 160 }),
      limits: fc.constantFrom<readonly [number, number]>([0, 255], [3, 250]),
      factors: fc.constant<readonly [number, number]>([2 ** 24, 2 ** 26]),
      recurrentFactors: fc.constant<readonly [number, number]>([2 ** 21, 2 ** 23]),
      biases: fc.constant(9999),
      inputs: fc.constant(50000),
      multiplier: randomMultiplier(),
      outputShift: fc.constant(ordinaryOutputShift),
      fill: fc.constant<Fill>("random"),
      hasTrainedTables: fc.constant(true),
    });
    return fc.tuple(fc.oneof(any, ordinary), fc.boolean(), fc.boolean(), fc.nat()).map(
      ([values, isReverse, carriesState, seed]) => {
        const { shift, stateBits, zeroPoint, limits: [low, high], biases, inputs, multiplier, outputShift, fill } =
          values;
        return {
          problem: {
            steps,
            batch,
            hidden,
            isReverse,
            carriesState,
            ...seed % 3 === 0 && { hiddenCodes: 1 + seed % 4 },
            stateBits,
            shift,
            weights: filledArray("i8", rows * hidden, [-127, 127], fill, seed),
            bias: filledArray("i32", rows, [-biases, biases], fill, seed + 1),
            inputMultipliers: filledArray("i32", rows, values.factors, fill, seed + 2),
            recurrentMultipliers: filledArray("i32", rows, values.recurrentFactors, "random", seed + 3),
            ...values.hasTrainedTables ? TRAINED_TABLES : randomTables(seed),
            output: { dtype: "u8", zeroPoint, low, high, multiplier, shift: outputShift },
          },
          seed,
          accumulators: filledArray("i32", steps * batch * rows, [-inputs, inputs], fill, seed + 4),
          hidden: filledArray("u8", size, DTYPE_LIMITS.u8, "random", seed + 5),
          state: filledArray("i16", size, DTYPE_LIMITS.i16, fill, seed + 6),
          output: new Uint8Array(steps * size),
        };
      },
    );
  });
}

export function randomLstm(sizes: fc.Arbitrary<Size> = randomRecurrentSize()): fc.Arbitrary<KernelCase<LstmProblem>> {
  return randomRecurrence(sizes, 4, 53).map(({ problem: { stateBits, ...common }, ...values }) => {
    const { accumulators, hidden, state, output } = values;
    const { hidden: size, carriesState, recurrentMultipliers } = common;
    const limit = recurrentMultipliers.reduce((a, b) => Math.max(a, b), 1);
    return {
      problem: {
        kind: "lstm" as const,
        ...common,
        cellBits: stateBits,
        ...!carriesState && values.seed % 4 === 1 && { firstHidden: hidden, firstState: state },
        ...values.seed % 5 === 1 && {
          peepholes: filledArray("i32", 3 * size, [-limit, limit], "random", values.seed + 7),
        },
      },
      inputs: common.carriesState ? [accumulators, hidden, state] : [accumulators],
      output,
    };
  });
}

export function randomGru(sizes: fc.Arbitrary<Size> = randomRecurrentSize()): fc.Arbitrary<KernelCase<GruProblem>> {
  return randomRecurrence(sizes, 3, 38).map(({ problem, seed, accumulators, state, output }) => ({
    problem: {
      kind: "gru" as const,
      ...problem,
      isLinear: seed % 2 === 0,
      ...!problem.carriesState && seed % 4 === 1 && { firstState: state },
    },
    inputs: problem.carriesState ? [accumulators, state] : [accumulators],
    output,
  }));
}

export function randomRnn(sizes: fc.Arbitrary<Size> = randomRecurrentSize()): fc.Arbitrary<KernelCase<RnnProblem>> {
  return randomRecurrence(sizes, 1, 38).map(({ problem, seed, accumulators, hidden, output }) => {
    const { gateTable: _, stateBits: argumentBits, ...common } = problem;
    return {
      problem: {
        kind: "rnn" as const,
        ...common,
        argumentBits,
        ...!problem.carriesState && seed % 4 === 1 && { firstHidden: hidden },
      },
      inputs: problem.carriesState ? [accumulators, hidden] : [accumulators],
      output,
    };
  });
}
