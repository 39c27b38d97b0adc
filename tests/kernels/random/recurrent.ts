import fc from "fast-check";
import { ACTIVATION_TABLE_LENGTH, activationTable } from "../../../lib/arith/activation_table.ts";
import type { GatherProblem, LstmProblem, TableProblem } from "../../../lib/arith/problem.ts";
import { DTYPE_LIMITS, edgeInteger, filledArray, type KernelCase, randomFill, randomShift } from "./values.ts";

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

/** The tables of an LSTM, or any that a network may hold: gates from 0 on. */
function randomTables(seed: number): Pick<LstmProblem, "gateTable" | "cellTable"> {
  if (seed % 3 !== 0) return { gateTable: LOGISTIC, cellTable: HYPERBOLIC_TANGENT };
  const fill = seed % 2 === 0 ? "random" : "largest";
  return {
    gateTable: filledArray("i16", ACTIVATION_TABLE_LENGTH, [0, 2 ** 15 - 1], fill, seed),
    cellTable: filledArray(
      "i16",
      ACTIVATION_TABLE_LENGTH,
      DTYPE_LIMITS.i16,
      seed % 6 === 0 ? "random" : "smallest",
      seed,
    ),
  };
}

/** Sizes of small LSTMs: whole blocks of units, parts of one, one and several steps and images. */
export function randomLstmSize(): fc.Arbitrary<Pick<LstmProblem, "steps" | "batch" | "hidden">> {
  return fc.record({
    steps: fc.integer({ min: 1, max: 5 }),
    batch: fc.integer({ min: 1, max: 3 }),
    hidden: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 30, max: 70 })),
  });
}

/**
 * LSTMs of these sizes with states that are carried or not. Half of them have the scales of a trained one, so that no
 * gate is stuck; the others any that a network may have, sums up to 62 bits.
 */
export function randomLstm(
  sizes: fc.Arbitrary<Pick<LstmProblem, "steps" | "batch" | "hidden">> = randomLstmSize(),
): fc.Arbitrary<KernelCase<LstmProblem>> {
  return sizes.chain(({ steps, batch, hidden }) => {
    const rows = 4 * hidden;
    return fc.record({
      isReverse: fc.boolean(),
      carriesState: fc.boolean(),
      isOrdinary: fc.boolean(),
      shift: randomShift(),
      cellBits: fc.integer({ min: 0, max: 15 }),
      zeroPoint: edgeInteger(...DTYPE_LIMITS.u8),
      limits: fc.constantFrom<readonly [number, number]>([0, 255], [0, 255], [17, 201], [128, 255], [90, 90]),
      multiplier: edgeInteger(0, 2 ** 31 - 1),
      outputShift: randomShift(),
      fill: randomFill(),
      seed: fc.nat(),
    }).map(
      (
        { isOrdinary, fill: anyFill, seed, limits: [low, high], zeroPoint, multiplier, outputShift, shift, ...flags },
      ) => {
        const size = batch * hidden;
        const fill = isOrdinary ? "random" : anyFill;
        const factors: readonly [number, number] = isOrdinary ? [2 ** 24, 2 ** 26] : [0, 2 ** 31 - 1];
        const problem: LstmProblem = {
          kind: "lstm",
          steps,
          batch,
          hidden,
          ...flags,
          weights: filledArray("i8", rows * hidden, [-127, 127], fill, seed),
          bias: filledArray("i32", rows, isOrdinary ? [-9999, 9999] : [-(2 ** 28), 2 ** 28], fill, seed + 1),
          inputMultipliers: filledArray("i32", rows, factors, fill, seed + 2),
          recurrentMultipliers: filledArray("i32", rows, isOrdinary ? [2 ** 21, 2 ** 23] : factors, "random", seed + 3),
          shift: isOrdinary ? 28 : shift,
          ...randomTables(seed),
          output: isOrdinary
            ? { dtype: "u8", zeroPoint, low, high, multiplier: 2 ** 30 + (multiplier >> 1), shift: 53 }
            : { dtype: "u8", zeroPoint, low, high, multiplier, shift: outputShift },
        };
        const accumulators = filledArray(
          "i32",
          steps * batch * rows,
          isOrdinary ? [-50000, 50000] : [-(2 ** 29), 2 ** 29],
          fill,
          seed + 4,
        );
        const states = [
          filledArray("u8", size, DTYPE_LIMITS.u8, "random", seed + 5),
          filledArray("i16", size, DTYPE_LIMITS.i16, fill, seed + 6),
        ];
        return {
          problem,
          inputs: flags.carriesState ? [accumulators, ...states] : [accumulators],
          output: new Uint8Array(steps * size),
        };
      },
    );
  });
}
