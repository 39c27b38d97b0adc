import { type CandidateBits, candidateName, type LimitKind } from "../format/plan.ts";
import { add, type Decimal, integerDecimal, multiply, subtract, unitsOf } from "./decimal.ts";
import type { Group } from "./group.ts";
import { formatAmount, roundedUp } from "./limit.ts";
import type { SelectionProblem } from "./selection.ts";

/** One layer with its score and time by candidate name. */
export interface ProblemLayer {
  readonly name: string;
  readonly parameters: number;
  readonly macs: number;
  readonly isFixed: boolean;
  readonly scores: ReadonlyMap<string, Decimal>;
  readonly milliseconds: ReadonlyMap<string, Decimal>;
}

/** A limit in the unit of `LIMITS[kind]`. */
export interface PlanLimit {
  readonly kind: LimitKind;
  readonly requested: string;
  readonly value: Decimal;
}

/**
 * Minimise the sum of scores over layers, one candidate per group of layers, within the limits. Everything is exact.
 */
export interface PlanProblem {
  readonly metric: string;
  readonly layers: readonly ProblemLayer[];
  readonly groups: readonly Group[];
  readonly limits: readonly PlanLimit[];
  /** Time outside the layers; absent without a latency table. */
  readonly overheadMs?: Decimal;
}

/**
 * The networks that limits refer to: all-8-bit has every layer at 8/8; all-4-bit has every layer at 4/4 but the fixed
 * ones at their own candidate, since they cannot go there.
 */
export function referenceBits({ layers, groups }: PlanProblem, width: 4 | 8): CandidateBits[] {
  const bits = layers.map((): CandidateBits => ({ weightBits: width, activationBits: width }));
  if (width === 8) return bits;
  for (const group of groups) {
    if (group.isFixed) { for (const i of group.layers) bits[i] = group.candidates[0]; }
  }
  return bits;
}

/**
 * What one layer adds to the row of a limit: bytes, bit operations, milliseconds (which must be known), or the bits of
 * its weights if it is not fixed.
 */
export function costOf(layer: ProblemLayer, kind: LimitKind, bits: CandidateBits): Decimal {
  const { parameters, macs, isFixed, milliseconds } = layer;
  const weightBits = integerDecimal(BigInt(parameters) * BigInt(bits.weightBits));
  switch (kind) {
    case "size":
      return multiply(weightBits, { coefficient: 125n, exponent: -3 });
    case "bops":
      return integerDecimal(BigInt(macs) * BigInt(bits.weightBits * bits.activationBits));
    case "latency":
      return milliseconds.get(candidateName(bits))!;
    case "weight-bits":
      return isFixed ? integerDecimal(0n) : weightBits;
  }
}

/** Weights of the layers that are not fixed: what an average of weight bits is taken over. */
export function freeParameters({ layers }: PlanProblem): number {
  return layers.reduce((sum, { parameters, isFixed }) => sum + (isFixed ? 0 : parameters), 0);
}

/** The right-hand side of the row of a limit: sum of `costOf` <= this. */
export function rowLimit(problem: PlanProblem, { kind, value }: PlanLimit): Decimal {
  if (kind === "latency") return subtract(value, problem.overheadMs!);
  if (kind === "weight-bits") return multiply(value, integerDecimal(BigInt(freeParameters(problem))));
  return value;
}

export const ZERO: Decimal = integerDecimal(0n);

/**
 * What a network with these bits uses: bytes, bit operations, ms with the time outside the layers, or bits of the weights
 * that are not fixed.
 */
export function amountOf(
  { layers, overheadMs }: PlanProblem,
  kind: LimitKind,
  bits: readonly CandidateBits[],
): Decimal {
  return layers.reduce(
    (sum, layer, i) => add(sum, costOf(layer, kind, bits[i])),
    kind === "latency" ? overheadMs! : ZERO,
  );
}

/** `amountOf`, or undefined when it needs times that were not measured. */
export function measuredAmount(
  problem: PlanProblem,
  kind: LimitKind,
  bits: readonly CandidateBits[],
): Decimal | undefined {
  const isKnown = kind !== "latency" ||
    (problem.overheadMs !== undefined &&
      problem.layers.every(({ milliseconds }, i) => milliseconds.has(candidateName(bits[i]))));
  return isKnown ? amountOf(problem, kind, bits) : undefined;
}

/** The bits of every layer when every group takes the chosen one of its candidates. */
export function bitsOf({ layers, groups }: PlanProblem, selection: readonly number[]): CandidateBits[] {
  const bits = new Array<CandidateBits>(layers.length);
  groups.forEach(({ layers: members, candidates }, g) => {
    for (const i of members) bits[i] = candidates[selection[g]];
  });
  return bits;
}

/** A table over groups and their candidates: the sum over the layers of the group. */
export function groupTable(
  { layers, groups }: PlanProblem,
  entry: (layer: ProblemLayer, bits: CandidateBits) => Decimal,
): Decimal[][] {
  return groups.map(({ layers: members, candidates }) =>
    candidates.map((bits) => members.reduce((sum, i) => add(sum, entry(layers[i], bits)), ZERO))
  );
}

export function scoreOf(layer: ProblemLayer, bits: CandidateBits): Decimal {
  return layer.scores.get(candidateName(bits))!;
}

/**
 * The problem in integers: every table in units of the last decimal place that it has, limits rounded down to it.
 */
export function selectionProblem(problem: PlanProblem): SelectionProblem {
  const scores = inUnits(groupTable(problem, scoreOf));
  const rows = problem.limits.map((limit) => {
    const { unit, table } = inUnits(groupTable(problem, (layer, bits) => costOf(layer, limit.kind, bits)));
    return { table, limit: unitsOf(rowLimit(problem, limit), unit) };
  });
  return { scores: scores.table, costs: rows.map(({ table }) => table), limits: rows.map(({ limit }) => limit) };
}

function inUnits(table: readonly (readonly Decimal[])[]): { unit: number; table: bigint[][] } {
  const unit = table.flat().reduce((least, { exponent }) => Math.min(least, exponent), 0);
  return { unit, table: table.map((options) => options.map((value) => unitsOf(value, unit))) };
}

/** An amount for people, rounded up so that the text, given as a limit, admits it. */
export function formatUse(problem: PlanProblem, kind: LimitKind, amount: Decimal): string {
  if (kind !== "weight-bits") return formatAmount(kind, amount);
  return roundedUp(amount, integerDecimal(BigInt(Math.max(1, freeParameters(problem)))));
}
