import loadHighs from "highs";
import type { Highs, InitOptions, ModelData, NumberInput } from "highs";
import highsBytes from "highs/runtime" with { type: "bytes" };
import {
  type Cut,
  type IntegerProgram,
  integerProgram,
  objectiveOf,
  overshootCut,
  selectionCut,
  selectionOf,
} from "./integer_program.ts";
import { compareSelections, exceededLimits, type Selection, type SelectionProblem, sumOver } from "./selection.ts";

/** How many selections of equal score are compared, so that the answer does not depend on the solver's path. */
const TIES_MAX = 16;
/** How many answers in all may exceed a limit by less than the solver's tolerance. */
const OVERSHOOTS_MAX = 200;

/** The best selection of a problem in the order of `compareSelections`; undefined when none fits. See `bestSelections`. */
export async function solveSelection(problem: SelectionProblem): Promise<Selection | undefined> {
  const [best] = await bestSelections(problem, 1);
  return best;
}

/**
 * The first `count` of all selections that fit, in the order of `compareSelections`, by HiGHS; fewer when fewer fit. Equal
 * problems get equal answers. Each answer is cut off (a no-good cut; Balas and Jeroslow, "Canonical cuts on the unit
 * hypercube", 1972) and the solver asked again, until its lower bound says that what is left is worse than the last of
 * the best so far.
 *
 * HiGHS computes in floats, with tolerances near 1e-6. They do not decide here: numbers are scaled to the room that is
 * left (see `integerProgram`), every answer is checked in exact integers, and bounds are compared with a margin. Only the
 * choice among more than 16 selections whose scores agree to one part in 10^11 is left to the solver. `onFound` is told
 * how many there are after each.
 */
export async function bestSelections(
  problem: SelectionProblem,
  count: number,
  onFound: (found: number) => void = () => {},
): Promise<Selection[]> {
  const highs = await highsRuntime();
  const cuts: Cut[] = [];
  const found: Selection[] = [];
  let ties = 0;
  let overshoots = 0;
  while (ties < TIES_MAX && overshoots < OVERSHOOTS_MAX) {
    const last = found.length < count ? undefined : found[count - 1];
    const lastScore = last && sumOver(problem.scores, last);
    const program = integerProgram(problem, cuts, lastScore);
    const answer = program && solveProgram(highs, program);
    if (program === undefined || answer === undefined) return found;
    if (last !== undefined && answer.bound > objectiveOf(program, last) + program.resolution) return found;
    const exceeded = exceededLimits(problem, answer.selection);
    if (exceeded.length > 0) {
      cuts.push(...exceeded.map((r) => overshootCut(problem, r, answer.selection)));
      overshoots++;
      continue;
    }
    cuts.push(selectionCut(answer.selection));
    const improves = lastScore === undefined || sumOver(problem.scores, answer.selection) < lastScore;
    ties = improves ? 0 : ties + 1;
    found.push(answer.selection);
    found.sort((a, b) => compareSelections(problem, a, b)).splice(count);
    onFound(found.length);
  }
  if (overshoots < OVERSHOOTS_MAX) return found;
  throw new Error(`the solver's first ${OVERSHOOTS_MAX} answers exceed a limit by less than its tolerance`);
}

/** Solves to a gap of 0; undefined when infeasible. */
function solveProgram(highs: Highs, program: IntegerProgram): { selection: Selection; bound: number } | undefined {
  if (program.objective.length === 0) return { selection: selectionOf(program, []), bound: 0 };
  const { optimal, infeasible, unboundedOrInfeasible } = highs.constants.modelStatus;
  return highs.withModel(modelOf(highs, program), (model) => {
    // Presolve is off: in HiGHS 1.15 it finds some feasible programs infeasible (see the test of that name).
    model.options.set({ output_flag: false, presolve: "off", mip_rel_gap: 0, mip_abs_gap: 0 });
    model.run();
    const status = model.getModelStatus();
    if (status === infeasible || status === unboundedOrInfeasible) return undefined; // every column is in 0..1
    if (status !== optimal) throw new Error(`HiGHS ended with model status ${status}, expected optimal or infeasible`);
    return {
      selection: selectionOf(program, model.getSolution().colValue),
      bound: Number(model.info.get("mip_dual_bound")),
    };
  });
}

function modelOf(highs: Highs, { objective, starts, rows }: IntegerProgram): ModelData {
  const numCols = objective.length;
  const choices = starts.slice(0, -1).flatMap((start, g) => {
    const columns = Array.from({ length: starts[g + 1] - start }, (_, i) => start + i);
    return columns.length === 0 ? [] : [{ columns, coefficients: columns.map(() => 1), lower: 1, upper: 1 }];
  });
  const all = [...choices, ...rows.map((row) => ({ ...row, lower: -highs.infinity }))];
  const rowStarts = [0];
  for (const { columns } of all) rowStarts.push(rowStarts[rowStarts.length - 1] + columns.length);
  const filled = (value: number): NumberInput => new Float64Array(numCols).fill(value);
  return {
    numCols,
    numRows: all.length,
    colCost: objective,
    colLower: filled(0),
    colUpper: filled(1),
    rowLower: all.map(({ lower }) => lower),
    rowUpper: all.map(({ upper }) => upper),
    matrix: {
      format: "csr",
      numRows: all.length,
      numCols,
      starts: rowStarts,
      indices: all.flatMap(({ columns }) => columns),
      values: all.flatMap(({ coefficients }) => coefficients),
    },
    integrality: Array.from({ length: numCols }, () => highs.constants.variableType.integer),
  };
}

let runtime: Promise<Highs> | undefined;

/** The solver, loaded once from bytes that are part of this module: no permission, no file beside a bundle. */
function highsRuntime(): Promise<Highs> {
  runtime ??= loadRuntime();
  return runtime;
}

/** The loader as it is at run time: the package's types describe its CommonJS build and leave out instantiateWasm. */
type Loader = (
  options: InitOptions & {
    instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void): unknown;
  },
) => Promise<Highs>;

async function loadRuntime(): Promise<Highs> {
  const module = await WebAssembly.compile(highsBytes);
  const load = loadHighs as unknown as Loader; // its types leave out what Loader says
  // Not its wasmBinary option, with which it reads the file beside the package all the same.
  return await load({
    instantiateWasm(imports, receive) {
      receive(new WebAssembly.Instance(module, imports));
      return {};
    },
  });
}
