import { activationFormatName, candidateName, weightFormatName } from "../format/plan.ts";
import { type Decimal, formatDecimal } from "./decimal.ts";
import { LIMITS } from "./limit.ts";
import { costOf, freeParameters, groupTable, type PlanLimit, type PlanProblem, rowLimit, scoreOf } from "./problem.ts";

/** Names in LP files are at most 255 characters; this leaves room for the index and the bits. */
const NAME_MAX = 200;

/**
 * The problem in the CPLEX LP format, for other solvers and for reading: a 0/1 variable per group of tied layers and
 * candidate, numbers exact in decimal. Any solver's optimum is the plan's, within the solver's tolerances.
 */
export function writeLp(problem: PlanProblem): string {
  const variables = problem.groups.map(({ candidates, layers }, g) =>
    candidates.map((bits) => {
      const name = sanitizeName(problem.layers[layers[0]].name);
      return `x${g + 1}_${name}_w${weightFormatName(bits)}a${activationFormatName(bits)}`;
    })
  );
  return [
    `\\ The bits of ${problem.layers.length} layers with the least sum of ${inComment(problem.metric)}`,
    "\\",
    ...problem.groups.flatMap(({ candidates, layers }, g) => [
      `\\ ${layers.map((i) => inComment(problem.layers[i].name)).join(", tied with ")}`,
      ...candidates.map((bits, i) => `\\   ${variables[g][i]}: ${candidateName(bits)}`),
    ]),
    "",
    "Minimize",
    " score:",
    ...terms(variables, groupTable(problem, scoreOf)),
    "",
    "Subject To",
    ...variables.map((names, g) => ` one_${g + 1}: ${names.join(" + ")} = 1`),
    ...problem.limits.flatMap((limit) => [
      `\\ ${limit.kind} at most ${inComment(limit.requested)}: ${explainLimit(problem, limit)}`,
      ` ${limit.kind.replace("-", "_")}:`,
      ...terms(variables, groupTable(problem, (layer, bits) => costOf(layer, limit.kind, bits))),
      `  <= ${formatDecimal(rowLimit(problem, limit))}`,
    ]),
    "",
    "Binary",
    ...variables.map((names) => ` ${names.join(" ")}`),
    "",
    "End",
    "",
  ].join("\n");
}

/** What the right-hand side of a row is. */
function explainLimit(problem: PlanProblem, { kind, value }: PlanLimit): string {
  const amount = `${formatDecimal(value)} ${LIMITS[kind].unit}`;
  if (kind === "latency") return `${amount}, less ${formatDecimal(problem.overheadMs!)} ms outside the layers`;
  if (kind === "weight-bits") return `${amount}, times ${freeParameters(problem)} weights that are not fixed`;
  return amount;
}

/** What LP names may not hold becomes "_"; the index in front keeps names apart and starts them with a letter. */
function sanitizeName(name: string): string {
  return name.slice(0, NAME_MAX).replace(/[^A-Za-z0-9_.]/g, "_");
}

/** A line break would end a comment. */
function inComment(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

function terms(variables: readonly (readonly string[])[], table: readonly (readonly Decimal[])[]): string[] {
  return variables.map((names, g) =>
    "  " + names.map((name, i) => `+ ${formatDecimal(table[g][i])} ${name}`).join(" ")
  );
}
