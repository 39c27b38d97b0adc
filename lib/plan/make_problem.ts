import type { ArtefactHeader } from "../format/artefact.ts";
import { inputError, usageError } from "../format/error.ts";
import type { Latency } from "../format/latency.ts";
import { type CandidateBits, candidateName, LIMIT_KINDS, type LimitKind } from "../format/plan.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { decimalOf } from "./decimal.ts";
import { type Group, groupLayers, type GroupOptions } from "./group.ts";
import { parseLimit, resolveLimit } from "./limit.ts";
import { enumerate, suggestion } from "./names.ts";
import { amountOf, type PlanLimit, type PlanProblem, type ProblemLayer, referenceBits } from "./problem.ts";

export type LimitTexts = Partial<Readonly<Record<LimitKind, string>>>;

export interface PlanOptions extends GroupOptions {
  /** The score column to minimise; the table's own `metric` when absent. */
  readonly metric?: string;
  /** Limits as `parseLimit` reads them. */
  readonly limits?: LimitTexts;
  /** What errors call the tables: their file names. */
  readonly names?: { readonly sensitivity?: string; readonly latency?: string };
}

/** A table as read from an artefact; without `inputs` nothing is known of its model. */
export type Table<T> = T & Partial<Pick<ArtefactHeader, "inputs">>;

/**
 * The problem that tables and options state.
 * @throws DyadError (input) for tables that do not belong together or lack a score or time that is needed; (usage) for
 * options that the tables cannot answer.
 */
export function makeProblem(
  sensitivity: Table<Sensitivity>,
  latency: Table<Latency> | undefined,
  options: PlanOptions,
): PlanProblem {
  const where = { sensitivity: "sensitivity table", latency: "latency table", ...options.names };
  const groups = groupLayers(sensitivity, options, where.sensitivity);
  const metric = options.metric ?? sensitivity.metric;
  const fixed = new Set(groups.flatMap((group) => group.isFixed ? group.layers : []));
  const times = latency === undefined ? undefined : timesOf(sensitivity, latency, where);
  const layers = sensitivity.layers.map(({ name, parameters, macs, candidates }, i): ProblemLayer => ({
    name,
    parameters,
    macs,
    isFixed: fixed.has(i),
    scores: new Map(
      candidates.flatMap((candidate) =>
        Object.hasOwn(candidate.scores, metric)
          ? [[candidateName(candidate), decimalOf(candidate.scores[metric])] as const]
          : []
      ),
    ),
    milliseconds: times?.get(name) ?? new Map(),
  }));
  checkScores(sensitivity, groups, layers, metric, where.sensitivity);
  if (times !== undefined) checkTimes(groups, layers, where.latency);
  const problem: PlanProblem = {
    metric,
    layers,
    groups,
    limits: [],
    overheadMs: latency && decimalOf(latency.overheadMs),
  };
  return { ...problem, limits: resolveLimits(problem, options.limits ?? {}, where) };
}

type TableNames = Required<NonNullable<PlanOptions["names"]>>;

function timesOf(sensitivity: Table<Sensitivity>, latency: Table<Latency>, where: TableNames) {
  const models = [sensitivity.inputs?.model?.sha256, latency.inputs?.model?.sha256];
  if (models[0] !== undefined && models[1] !== undefined && models[0] !== models[1]) {
    throw inputError(
      `${where.sensitivity} and ${where.latency} are of different models: ${models[0].slice(0, 12)}… and ` +
        `${models[1].slice(0, 12)}…; make both from the same model`,
    );
  }
  const known = sensitivity.layers.map(({ name }) => name);
  for (const { name, candidates } of latency.layers) {
    if (!known.includes(name)) {
      throw inputError(
        `${where.latency}: layer "${name}" is not in ${where.sensitivity}${
          suggestion(name, known)
        }; time outside its ` +
          `layers goes into "overheadMs"`,
      );
    }
    const names = candidates.map(candidateName);
    const repeated = names.find((candidate, i) => names.indexOf(candidate) !== i);
    if (repeated !== undefined) {
      throw inputError(`${where.latency}: layer "${name}" lists the candidate ${repeated} twice`);
    }
  }
  return new Map(
    latency.layers.map((
      { name, candidates },
    ) => [name, new Map(candidates.map((candidate) => [candidateName(candidate), decimalOf(candidate.ms)]))]),
  );
}

function checkScores(
  { layers: rows }: Sensitivity,
  groups: readonly Group[],
  layers: readonly ProblemLayer[],
  metric: string,
  where: string,
): void {
  const columns = [
    ...new Set(rows.flatMap(({ candidates }) => candidates.flatMap(({ scores }) => Object.keys(scores)))),
  ];
  if (!columns.includes(metric)) {
    throw inputError(
      `${where}: no scores of the metric "${metric}"; its columns are ${enumerate(columns, columns.length)}`,
    );
  }
  for (const { candidates, layers: members } of groups) {
    for (const name of candidates.map(candidateName)) {
      const missing = members.find((i) => !layers[i].scores.has(name));
      if (missing === undefined) continue;
      throw inputError(
        `${where}: layer "${layers[missing].name}" has no score "${metric}" at ${name}; measure it, or exclude the ` +
          `candidate there`,
      );
    }
  }
}

function checkTimes(groups: readonly Group[], layers: readonly ProblemLayer[], where: string): void {
  for (const { candidates, layers: members } of groups) {
    for (const name of candidates.map(candidateName)) {
      const missing = members.find((i) => !layers[i].milliseconds.has(name));
      if (missing === undefined) continue;
      const { name: layer, milliseconds } = layers[missing];
      throw inputError(
        `${where}: layer "${layer}" has no time at ${name}, ${
          milliseconds.size === 0 ? "the layer is missing" : `only at ${[...milliseconds.keys()].join(", ")}`
        }; measure it, or exclude the candidate there`,
      );
    }
  }
}

function resolveLimits(problem: PlanProblem, texts: LimitTexts, where: TableNames): PlanLimit[] {
  return LIMIT_KINDS.flatMap((kind) => {
    const requested = texts[kind];
    if (requested === undefined) return [];
    if (kind === "latency" && problem.overheadMs === undefined) {
      throw usageError(
        `a limit on latency (${requested}) needs a latency table; make one with dyad profile and give it as --latency, or limit something else`,
      );
    }
    const limit = parseLimit(kind, requested);
    if (limit.form === "amount") return [{ kind, requested, value: limit.value }];
    const [all4, all8] = [referenceBits(problem, 4), referenceBits(problem, 8)];
    if (kind === "latency") {
      for (const bits of limit.form === "between" ? [all4, all8] : [all8]) checkReference(problem, bits, where.latency);
    }
    const amounts = kind === "weight-bits"
      ? [decimalOf(4), decimalOf(8)]
      : [all4, all8].map((bits) => amountOf(problem, kind, bits));
    return [{ kind, requested, value: resolveLimit(limit, amounts[0], amounts[1]) }];
  });
}

function checkReference({ layers }: PlanProblem, bits: readonly CandidateBits[], where: string): void {
  const missing = layers.findIndex(({ milliseconds }, i) => !milliseconds.has(candidateName(bits[i])));
  if (missing < 0) return;
  throw inputError(
    `${where}: layer "${layers[missing].name}" has no time at ${candidateName(bits[missing])}, to which the limit on ` +
      `latency refers; measure it, or give the limit in ms`,
  );
}
