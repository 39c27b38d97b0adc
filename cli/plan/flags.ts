import { usageError } from "../../lib/format/error.ts";
import { LOSSES } from "../../lib/format/measured_loss.ts";
import { type CandidateBits, candidateName, LIMIT_KINDS, type LimitKind } from "../../lib/format/plan.ts";
import { LIMITS } from "../../lib/plan/limit.ts";
import type { LimitTexts, PlanOptions } from "../../lib/plan/make_problem.ts";
import { optionsOf } from "../artefacts.ts";
import type { FlagValues } from "../command.ts";
import {
  BITS,
  FILE,
  type Flag,
  listOf,
  oneOf,
  optionalFlag,
  OUTPUT_FILE,
  POSITIVE_INTEGER,
  repeatedFlag,
  SEED,
  switchFlag,
  TEXT,
  type ValueType,
} from "../flag.ts";
import { ENDS_FLAG, MODEL_FLAGS, OPTIONAL_DATA_FLAGS, OUTPUT_FLAG, THREADS_FLAG } from "../flags.ts";

type LimitKey = `max-${LimitKind}`;

function limitKey(kind: LimitKind): LimitKey {
  return `max-${kind}`;
}

function limitFlag(kind: LimitKind): Flag<string | undefined> {
  const { unit, example } = LIMITS[kind];
  const what = kind === "weight-bits" ? "bits per weight on average" : unit;
  return optionalFlag(`--${limitKey(kind)} <limit>`, `limit in ${what}, such as ${example}, 60% or between:0.5`, TEXT);
}

/** `--max-size` and so on. */
const LIMIT_FLAGS = Object.fromEntries(LIMIT_KINDS.map((kind) => [limitKey(kind), limitFlag(kind)])) as Readonly<
  Record<LimitKey, Flag<string | undefined>> // Object.fromEntries forgets which keys there are
>;

export interface Sweep {
  readonly kind: LimitKind;
  readonly points: number | "all";
}

/** `size`, `bops:20`. */
const SWEEP: ValueType<Sweep> = {
  choices: LIMIT_KINDS,
  parse(text) {
    const [, name, points] = /^([a-z-]+)(?::(\d{1,6}))?$/.exec(text) ?? [];
    const kind = LIMIT_KINDS.find((known) => known === name);
    if (kind === undefined) {
      throw usageError(
        `found ${JSON.stringify(text)}, expected KIND or KIND:POINTS, where KIND is ${LIMIT_KINDS.join(", ")}`,
      );
    }
    return { kind, points: points === undefined ? "all" : Number(points) };
  },
};

/** What the solver is asked. */
const PROBLEM_FLAGS = {
  latency: optionalFlag("--latency <file>", "measured time of every layer at every candidate", FILE),
  ...LIMIT_FLAGS,
  fix: repeatedFlag("--fix <layer=bits>", "keep a layer at these bits; * stands for any text, as in conv*=8/8", TEXT),
  free: repeatedFlag("--free <layer>", "let a layer change that the table fixes", TEXT),
  exclude: repeatedFlag(
    "--exclude <layer=bits>",
    "do not give a layer these bits, as in *=4/4, conv1=2/* or *=codes*",
    TEXT,
  ),
  tie: repeatedFlag("--tie <layer=layer>", "give two layers the same bits", TEXT),
};

/** What is needed to quantize plans and run them. */
const MEASURING_FLAGS = {
  model: optionalFlag("--model <file>", "ONNX model, to quantize plans of and run them on --data", FILE),
  calibration: optionalFlag("--calibration <file>", "calibration of the model, to quantize plans with", FILE),
  ...OPTIONAL_DATA_FLAGS,
  ...MODEL_FLAGS,
  ...THREADS_FLAG,
};

export const PLAN_FLAGS = {
  ...PROBLEM_FLAGS,
  metric: optionalFlag("--metric <name>", "score column to minimise (default: the table's own)", TEXT),
  lp: optionalFlag("--lp <file>", "write the problem in the CPLEX LP format too", OUTPUT_FILE),
  uniform: optionalFlag("--uniform <bits>", "give all layers the same bits instead, such as 4/8 or codes3/8", BITS),
  ...ENDS_FLAG,
  greedy: switchFlag("--greedy", "take the cheapest step again and again instead, to compare with"),
  random: optionalFlag("--random <seed>", "draw a plan within the limits instead, to compare with", SEED),
  refine: optionalFlag(
    "--refine <k>",
    "run the k best plans and the greedy one on --data, then k at a time near the best, and keep the one of least measured " +
      "loss if that is no accident of the samples",
    POSITIVE_INTEGER,
  ),
  compare: optionalFlag(
    "--compare <metrics>",
    "write the plans of several score columns instead, such as kl,mse, or of all; with --pareto their frontiers",
    listOf(TEXT),
  ),
  pareto: optionalFlag(
    "--pareto <kind[:points]>",
    "sweep a limit instead and write the frontier: every plan of it, or that many limits",
    SWEEP,
  ),
  checkAdditivity: optionalFlag(
    "--check-additivity <plans>",
    "quantize so many random plans (20 will do), run them on --data, and write how well sums of scores predict the loss",
    POSITIVE_INTEGER,
  ),
  seed: optionalFlag("--seed <n>", "which plans --check-additivity draws (default: 0)", SEED),
  plot: optionalFlag("--plot <file>", "draw what --pareto or --check-additivity found, as SVG", OUTPUT_FILE),
  loss: optionalFlag(
    "--loss <name>",
    "measured loss that counts: kl from the float output, or cross-entropy, which needs --labels (default: kl)",
    oneOf(LOSSES),
  ),
  ...MEASURING_FLAGS,
  ...OUTPUT_FLAG,
};
export type PlanFlags = FlagValues<typeof PLAN_FLAGS>;
export type PlanFlagKey = keyof PlanFlags;

export const PROBLEM_KEYS = Object.keys(PROBLEM_FLAGS) as (keyof typeof PROBLEM_FLAGS)[]; // its own keys
export const MEASURING_KEYS = Object.keys(MEASURING_FLAGS) as (keyof typeof MEASURING_FLAGS)[]; // its own keys

export function limitTexts(flags: PlanFlags): LimitTexts {
  return Object.fromEntries(LIMIT_KINDS.flatMap((kind) => {
    const text = flags[limitKey(kind)];
    return text === undefined ? [] : [[kind, text]];
  }));
}

export function problemOptions(flags: PlanFlags): Omit<PlanOptions, "names"> {
  const { fix, free, exclude, tie, metric } = flags;
  return { limits: limitTexts(flags), fix, free, exclude, tie, metric };
}

/** `options` of the artefact. */
export function recordedOptions(flags: PlanFlags): Record<string, unknown> {
  const limits = limitTexts(flags);
  const listed = (texts: readonly string[]) => texts.length > 0 ? [...texts] : undefined;
  const named = (bits: CandidateBits | undefined) => bits && candidateName(bits);
  const { metric, random, refine, compare, pareto, checkAdditivity, seed, loss, limit } = flags;
  return optionsOf({
    limits: Object.keys(limits).length > 0 ? limits : undefined,
    fix: listed(flags.fix),
    free: listed(flags.free),
    exclude: listed(flags.exclude),
    tie: listed(flags.tie),
    metric,
    uniform: named(flags.uniform),
    ends: named(flags.ends),
    greedy: flags.greedy ? true : undefined,
    random,
    pareto,
    refine,
    compare: compare && [...compare],
    checkAdditivity,
    seed,
    loss,
    limit,
  });
}
