import { inputError, usageError } from "../format/error.ts";
import {
  activationFormatName,
  type CandidateBits,
  candidateBitsOf,
  candidateName,
  parseCandidateName,
  weightFormatName,
} from "../format/plan.ts";
import type { Sensitivity, SensitivityLayer } from "../format/sensitivity.ts";
import { enumerate, matchesPattern, suggestion } from "./names.ts";

/** What a person adds to the tables. A layer pattern is a name, with * for any text. */
export interface GroupOptions {
  /** "conv1=4/8": the layers keep this candidate, whatever the table says; of several that match, the last counts. */
  readonly fix?: readonly string[];
  /** Patterns of layers that are free although the table fixes them. */
  readonly free?: readonly string[];
  /** "conv1=2/*", "*=4/4": the layers do not get these candidates. "2" is "2/2". */
  readonly exclude?: readonly string[];
  /** "shortcut=conv1": the two layers share their candidate. */
  readonly tie?: readonly string[];
}

/** Layers that share one candidate, by their indices in the table, and what they may get. */
export interface Group {
  readonly layers: readonly number[];
  readonly candidates: readonly CandidateBits[];
  readonly isFixed: boolean;
}

/**
 * The groups of tied layers with the candidates that all of them have and nothing excludes, in the order of their first
 * layers.
 * @throws DyadError (input) for a table whose ties or fixed candidates cannot be; (usage) for options that match no
 * layer or leave a layer without a candidate.
 */
export function groupLayers(sensitivity: Sensitivity, options: GroupOptions, where: string): Group[] {
  const { layers } = sensitivity;
  for (const layer of layers) checkLayer(layer, layers, where);
  const fixed = fixedCandidates(layers, options);
  const exclusions = (options.exclude ?? []).map((text) => parseExclusion(text, layers));
  return tiedLayers(layers, options, where).map((members) => {
    const shared = sharedCandidates(members.map((i) => layers[i]), where);
    const kept = keptCandidate(members, layers, fixed);
    if (kept !== undefined && !shared.some((candidate) => candidateName(candidate) === kept.name)) {
      throw kept.error(
        `${where}: layer "${kept.layer}" is fixed at ${kept.name}, which is no candidate of ${
          listOf(members, layers)
        }; ` +
          `candidates are ${shared.map(candidateName).join(", ")}`,
      );
    }
    const candidates = shared.filter((candidate) =>
      (kept === undefined || candidateName(candidate) === kept.name) &&
      !members.some((i) => exclusions.some((excludes) => excludes(layers[i].name, candidate)))
    );
    if (candidates.length === 0) {
      throw usageError(
        `nothing is left for ${listOf(members, layers)}: ${kept === undefined ? "" : `fixed at ${kept.name}, and `}` +
          `the candidates ${shared.map(candidateName).join(", ")} are excluded; exclude fewer`,
      );
    }
    return { layers: members, candidates, isFixed: kept !== undefined };
  });
}

function listOf(members: readonly number[], layers: readonly SensitivityLayer[]): string {
  const names = members.map((i) => layers[i].name);
  return names.length === 1 ? `layer "${names[0]}"` : `the tied layers ${enumerate(names)}`;
}

function checkLayer(
  { name, candidates, tiedTo }: SensitivityLayer,
  layers: Sensitivity["layers"],
  where: string,
): void {
  const names = candidates.map(candidateName);
  const repeated = names.find((candidate, i) => names.indexOf(candidate) !== i);
  if (repeated !== undefined) throw inputError(`${where}: layer "${name}" lists the candidate ${repeated} twice`);
  const known = layers.map((layer) => layer.name);
  if (tiedTo !== undefined && !known.includes(tiedTo)) {
    throw inputError(`${where}: layer "${name}" is tied to "${tiedTo}", which is no layer${suggestion(tiedTo, known)}`);
  }
}

/** Splits "pattern=value" at its last "=" and returns the layers that the pattern matches. */
function parseDirective(option: string, text: string, layers: Sensitivity["layers"], example: string) {
  const split = text.lastIndexOf("=");
  if (split <= 0) throw usageError(`${option} is ${JSON.stringify(text)}, expected ${example}`);
  const pattern = text.slice(0, split).trim();
  return { matched: matchLayers(option, pattern, layers), value: text.slice(split + 1).trim() };
}

function matchLayers(option: string, pattern: string, layers: Sensitivity["layers"]): string[] {
  const names = layers.map(({ name }) => name);
  const matched = names.filter((name) => matchesPattern(name, pattern));
  if (matched.length === 0) {
    throw usageError(`${option}: no layer matches ${JSON.stringify(pattern)}${suggestion(pattern, names)}`);
  }
  return matched;
}

interface FixedCandidate {
  readonly name: string;
  readonly byOption: boolean;
}

function fixedCandidates(layers: Sensitivity["layers"], { fix = [], free = [] }: GroupOptions) {
  const fixed = new Map<string, FixedCandidate>();
  for (const { name, fixed: candidate } of layers) {
    if (candidate !== undefined) fixed.set(name, { name: candidate, byOption: false });
  }
  for (const pattern of free) for (const name of matchLayers("free", pattern, layers)) fixed.delete(name);
  for (const text of fix) {
    const { matched, value } = parseDirective("fix", text, layers, '"layer=4/8"');
    const bits = parseCandidateName(value);
    if (bits === undefined) throw usageError(`fix is ${JSON.stringify(text)}, expected bits like "layer=4/8"`);
    for (const name of matched) fixed.set(name, { name: candidateName(bits), byOption: true });
  }
  return fixed;
}

/** The candidate that a group is fixed at; what an option says goes before what the table says. */
function keptCandidate(
  members: readonly number[],
  layers: Sensitivity["layers"],
  fixed: ReadonlyMap<string, FixedCandidate>,
) {
  const all = members.flatMap((i) => {
    const candidate = fixed.get(layers[i].name);
    return candidate === undefined ? [] : [{ layer: layers[i].name, ...candidate }];
  });
  const counting = all.some(({ byOption }) => byOption) ? all.filter(({ byOption }) => byOption) : all;
  if (counting.length === 0) return undefined;
  const [first, ...rest] = counting;
  const error = first.byOption ? usageError : inputError;
  const other = rest.find(({ name }) => name !== first.name);
  if (other !== undefined) {
    throw error(
      `layer "${first.layer}" is fixed at ${first.name} and layer "${other.layer}" at ${other.name}, but they are tied ` +
        `and share one candidate; fix both at the same`,
    );
  }
  return { ...first, error };
}

function parseExclusion(text: string, layers: Sensitivity["layers"]) {
  const { matched, value } = parseDirective("exclude", text, layers, '"layer=2/*"');
  const match = /^((?:codes)?\d+|(?:codes)?\*)(?:\/((?:codes)?\d+|(?:codes)?\*))?$/.exec(value);
  if (match === null) {
    throw usageError(
      `exclude is ${JSON.stringify(text)}, expected bits like "layer=2/*", "*=4/4" or "layer=codes*/8"`,
    );
  }
  const [, weight, activation = weight.startsWith("codes") ? "*" : weight] = match;
  const names = new Set(matched);
  return (name: string, bits: CandidateBits): boolean =>
    names.has(name) && matchesPattern(weightFormatName(bits), weight) &&
    matchesPattern(activationFormatName(bits), activation);
}

/** The sets of layers that ties join, as indices. */
function tiedLayers(layers: Sensitivity["layers"], { tie = [] }: GroupOptions, where: string): number[][] {
  const indexOf = new Map(layers.map(({ name }, i) => [name, i]));
  const leader = layers.map((_, i) => i);
  const leaderOf = (i: number): number => leader[i] === i ? i : leaderOf(leader[i]);
  const join = (a: number, b: number): void => {
    const [low, high] = [leaderOf(a), leaderOf(b)].sort((x, y) => x - y);
    leader[high] = low;
  };
  layers.forEach(({ tiedTo }, i) => tiedTo !== undefined && join(i, indexOf.get(tiedTo)!));
  for (const text of tie) {
    const { matched, value } = parseDirective("tie", text, layers, '"layer=other layer"');
    const other = indexOf.get(value);
    if (other === undefined) {
      throw usageError(`tie: no layer "${value}" in ${where}${suggestion(value, [...indexOf.keys()])}`);
    }
    for (const name of matched) join(indexOf.get(name)!, other);
  }
  return layers.flatMap((_, i) => leaderOf(i) === i ? [layers.flatMap((_, j) => leaderOf(j) === i ? [j] : [])] : []);
}

function sharedCandidates(members: readonly SensitivityLayer[], where: string): CandidateBits[] {
  const [first, ...rest] = members.map(({ candidates }) => candidates);
  const shared = first.filter((candidate) =>
    rest.every((others) => others.some((other) => candidateName(other) === candidateName(candidate)))
  );
  if (shared.length > 0) return shared.map(candidateBitsOf);
  throw inputError(
    `${where}: the tied layers ${
      enumerate(members.map(({ name }) => name))
    } have no candidate in common; give them the ` +
      `same candidates, or remove the tie`,
  );
}
