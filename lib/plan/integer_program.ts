import { greatestOf, leastOf, leastSum, type Selection, type SelectionProblem } from "./selection.ts";

/** The options of every group that may still be chosen. */
type Eligible = readonly (readonly number[])[];

/** One row: sum of coefficients * columns <= upper. */
export interface ProgramRow {
  readonly columns: readonly number[];
  readonly coefficients: readonly number[];
  readonly upper: number;
}

/** A 0/1 program in floats: minimise objective . x, one column of every group is 1, and every row holds. */
export interface IntegerProgram {
  /** First column of every group; a group with one option left has no columns. Ends with the number of columns. */
  readonly starts: readonly number[];
  readonly eligible: Eligible;
  readonly objective: Float64Array;
  readonly rows: readonly ProgramRow[];
  /** Objectives that are further apart than this are told apart by a solver with tolerances near 1e-6. */
  readonly resolution: number;
}

const INTEGER_MAX = 2n ** 24n;
const SCALED_MAX = 2 ** 20;
/**
 * What a limit is raised by, so that no rounding in the solver loses a selection that just fits: for integers less than
 * the next, otherwise one part in 10^10, and what slips in is cut off again (see `overshootCut`).
 */
const INTEGER_SLACK = 0.5;
const SCALED_SLACK = 1e-4;

/**
 * Some options of some groups (undefined for the others) of which no selection may take one in every such group.
 */
export type Cut = readonly (readonly number[] | undefined)[];

/** The cut that only this selection breaks. */
export function selectionCut(selection: Selection): Cut {
  return selection.map((option) => [option]);
}

/**
 * A cut that a selection over limit r breaks and no selection within it: of few groups, the most expensive first, whose
 * options exceed the limit even with the least of all other groups; any option that costs no less does so too.
 */
export function overshootCut({ costs, limits }: SelectionProblem, r: number, selection: Selection): Cut {
  const excess = selection.map((option, g) => costs[r][g][option] - leastOf(costs[r][g]));
  const order = selection.map((_, g) => g).sort((a, b) =>
    excess[a] === excess[b] ? a - b : excess[a] > excess[b] ? -1 : 1
  );
  let room = limits[r] - leastSum(costs[r]);
  const cut: (number[] | undefined)[] = selection.map(() => undefined);
  for (const g of order) {
    if (room < 0n) break;
    room -= excess[g];
    const cost = costs[r][g][selection[g]];
    cut[g] = costs[r][g].flatMap((other, i) => other >= cost ? [i] : []);
  }
  return cut;
}

/**
 * The program of a selection problem with cuts, without the selections that score more than `cutoff`;
 * undefined when nothing is left.
 *
 * From every column of a group the least of the group is subtracted, options that fit in no selection are dropped, and
 * coefficients are divided by their greatest common divisor. Those that are integers below 2^24 then stay exact, others
 * are scaled to 2^20: what is passed on is the room that is left, not what every selection uses anyway.
 */
export function integerProgram(
  problem: SelectionProblem,
  cuts: readonly Cut[],
  cutoff: bigint | undefined,
): IntegerProgram | undefined {
  const { scores, costs, limits } = problem;
  const tables = [...costs, ...(cutoff === undefined ? [] : [scores])];
  const bounds = [...limits, ...(cutoff === undefined ? [] : [cutoff])];
  const eligible = eligibleOptions(scores.map((options) => options.map((_, i) => i)), tables, bounds);
  if (eligible === undefined) return undefined;

  const starts = [0];
  for (const options of eligible) starts.push(starts[starts.length - 1] + (options.length > 1 ? options.length : 0));
  const { values: objective, isInteger } = toFloats(columnsOf(scores, eligible), 0n);
  const rows: ProgramRow[] = [];
  for (let r = 0; r < costs.length; r++) {
    const { values, upper } = toFloats(columnsOf(costs[r], eligible), slackOf(costs[r], eligible, limits[r]));
    const columns = values.flatMap((value, column) => value === 0 ? [] : [column]);
    rows.push({ columns, coefficients: columns.map((column) => values[column]), upper });
  }
  for (const cut of cuts) {
    const row = cutRow(cut, eligible, starts);
    if (row === "nothing left") return undefined;
    if (row !== undefined) rows.push(row);
  }
  return {
    starts,
    eligible,
    objective: Float64Array.from(objective),
    rows,
    resolution: isInteger ? 0.5 : 1e-5,
  };
}

/** The value of the objective at a selection of eligible options. */
export function objectiveOf({ starts, eligible, objective }: IntegerProgram, selection: Selection): number {
  return selection.reduce(
    (sum, option, g) => sum + (eligible[g].length > 1 ? objective[starts[g] + eligible[g].indexOf(option)] : 0),
    0,
  );
}

/** The selection that column values of (nearly) 0 and 1 stand for. */
export function selectionOf({ starts, eligible }: IntegerProgram, values: ArrayLike<number>): Selection {
  return eligible.map((options, g) =>
    options.reduce((best, _, i) => values[starts[g] + i] > values[starts[g] + best] ? i : best, 0)
  ).map((i, g) => eligible[g][i]);
}

/** Drops options that exceed a bound even when every other group takes its least; undefined when a group has none. */
function eligibleOptions(all: Eligible, tables: SelectionProblem["costs"], bounds: readonly bigint[]) {
  let eligible = all;
  for (let before = -1, count = 0; count !== before;) {
    for (let r = 0; r < tables.length; r++) {
      const slack = slackOf(tables[r], eligible, bounds[r]);
      if (slack < 0n) return undefined;
      eligible = eligible.map((options, g) => {
        const least = leastOf(options.map((i) => tables[r][g][i]));
        return options.filter((i) => tables[r][g][i] - least <= slack);
      });
    }
    before = count;
    count = eligible.reduce((sum, options) => sum + options.length, 0);
  }
  return eligible;
}

function slackOf(table: SelectionProblem["scores"], eligible: Eligible, bound: bigint): bigint {
  return eligible.reduce((rest, options, g) => rest - leastOf(options.map((i) => table[g][i])), bound);
}

/** The entries of a table by column, above the least of their group. */
function columnsOf(table: SelectionProblem["scores"], eligible: Eligible): bigint[] {
  return eligible.flatMap((options, g) => {
    if (options.length === 1) return [];
    const entries = options.map((i) => table[g][i]);
    const least = leastOf(entries);
    return entries.map((entry) => entry - least);
  });
}

function toFloats(columns: readonly bigint[], bound: bigint): { values: number[]; upper: number; isInteger: boolean } {
  const divisor = columns.reduce(greatestCommonDivisor, 0n);
  if (divisor === 0n) return { values: columns.map(() => 0), upper: 0, isInteger: true };
  const units = columns.map((value) => value / divisor);
  // Room beyond what all columns can use limits nothing, and would take the scale.
  const total = units.reduce((a, b) => a + b, 0n);
  const upper = bound / divisor < total ? bound / divisor : total;
  if (greatestOf([...units, upper]) <= INTEGER_MAX) {
    return { values: units.map(Number), upper: Number(upper) + INTEGER_SLACK, isInteger: true };
  }
  const largest = greatestOf(units);
  const scale = (value: bigint): number => ratio(value, largest) * SCALED_MAX;
  return { values: units.map(scale), upper: scale(upper) + SCALED_SLACK, isInteger: false };
}

/** a / b for integers beyond the range of floats. */
function ratio(a: bigint, b: bigint): number {
  const excessBits = BigInt(Math.max(0, greatestOf([a, b]).toString(2).length - 900));
  return Number(a >> excessBits) / Number(b >> excessBits);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}

/** At most all but one of the cut's groups take one of its options; undefined when no selection does. */
function cutRow(cut: Cut, eligible: Eligible, starts: readonly number[]): ProgramRow | "nothing left" | undefined {
  const columns: number[] = [];
  let groups = 0;
  for (const [g, options] of eligible.entries()) {
    const hits = options.flatMap((option, i) => cut[g]?.includes(option) ? [starts[g] + i] : []);
    if (cut[g] === undefined || hits.length === options.length) continue;
    if (hits.length === 0) return undefined;
    columns.push(...hits);
    groups++;
  }
  if (groups === 0) return "nothing left";
  return { columns, coefficients: columns.map(() => 1), upper: groups - 1 };
}
