import { type ArtefactContent, DYAD_VERSION, encodeArtefact, type FileReference } from "../../lib/format/artefact.ts";
import { DyadError, usageError } from "../../lib/format/error.ts";
import { type Frontier, FrontierCodec } from "../../lib/format/frontier.ts";
import { LatencyCodec } from "../../lib/format/latency.ts";
import {
  type CandidateBits,
  candidateName,
  LIMIT_KINDS,
  type LimitKind,
  type Plan,
  PlanCodec,
} from "../../lib/format/plan.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { LIMITS } from "../../lib/plan/limit.ts";
import type { LimitTexts, PlanOptions } from "../../lib/plan/make_problem.ts";
import { paretoFrontier } from "../../lib/plan/pareto.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { randomPlans } from "../../lib/plan/random.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { inputsOf, loadArtefact, optionsOf } from "../artefacts.ts";
import { defineCommand, type FlagValues } from "../command.ts";
import { type ArtefactTarget, artefactTarget, STREAM, writeFile } from "../files.ts";
import { BITS, FILE, type Flag, optionalFlag, positional, repeatedFlag, SEED, TEXT, type ValueType } from "../flag.ts";
import { ENDS_FLAG, OUTPUT_FLAG } from "../flags.ts";
import { formatAmount, planBlocks } from "../plan_report.ts";
import { formatNumber, numeric, type Report } from "../report.ts";

type LimitKey = `max-${LimitKind}`;

/** `--max-size` and so on. */
const LIMIT_FLAGS = Object.fromEntries(LIMIT_KINDS.map((kind) => [limitKey(kind), limitFlag(kind)])) as Readonly<
  Record<LimitKey, Flag<string | undefined>>
>;

function limitKey(kind: LimitKind): LimitKey {
  return `max-${kind}`;
}

function limitFlag(kind: LimitKind): Flag<string | undefined> {
  const { unit, example } = LIMITS[kind];
  const what = kind === "weight-bits" ? "bits per weight on average" : unit;
  return optionalFlag(`--${limitKey(kind)} <limit>`, `limit in ${what}, such as ${example}, 60% or between:0.5`, TEXT);
}

interface Sweep {
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

const FLAGS = {
  latency: optionalFlag("--latency <file>", "measured time of every layer at every candidate", FILE),
  ...LIMIT_FLAGS,
  fix: repeatedFlag("--fix <layer=bits>", "keep a layer at these bits; * stands for any text, as in conv*=8/8", TEXT),
  free: repeatedFlag("--free <layer>", "let a layer change that the table fixes", TEXT),
  exclude: repeatedFlag("--exclude <layer=bits>", "do not give a layer these bits, as in *=4/4 or conv1=2/*", TEXT),
  tie: repeatedFlag("--tie <layer=layer>", "give two layers the same bits", TEXT),
  metric: optionalFlag("--metric <name>", "score column to minimise (default: the table's own)", TEXT),
  lp: optionalFlag("--lp <file>", "write the problem in the CPLEX LP format too", FILE),
  uniform: optionalFlag("--uniform <bits>", "give all layers the same bits instead, such as 4/8", BITS),
  ...ENDS_FLAG,
  random: optionalFlag("--random <seed>", "draw a plan within the limits instead, to compare with", SEED),
  pareto: optionalFlag(
    "--pareto <kind[:points]>",
    "sweep a limit instead and write the frontier: every plan of it, or that many limits",
    SWEEP,
  ),
  ...OUTPUT_FLAG,
};
type PlanFlags = FlagValues<typeof FLAGS>;

export const plan = defineCommand({
  name: "plan",
  summary: "Choose the bits of every layer: the least sum of scores within the limits, proven optimal",
  details:
    "A limit is an amount, a percentage of the all-8-bit network, or between:F, a fraction F of the way from the " +
    "all-4-bit to the all-8-bit network. When no plan fits, the exit status is 4 and the message says what would.",
  positionals: { sensitivity: positional("sensitivity table", FILE) },
  flags: FLAGS,
  examples: [
    "dyad plan model.sensitivity.json --max-size 50% -o model.plan.json",
    "dyad plan model.sensitivity.json --max-weight-bits 3 --max-bops between:0.5 --lp model.lp -o model.plan.json",
    "dyad plan model.sensitivity.json --pareto size:10 -o model.frontier.json",
  ],
  async run({ args, flags, terminal }) {
    checkMode(flags);
    const target = artefactTarget(flags, terminal);
    const sensitivity = loadArtefact(SensitivityCodec, args.sensitivity);
    const latency = flags.latency === undefined ? undefined : loadArtefact(LatencyCodec, flags.latency);
    const header = {
      inputs: {
        ...inputsOf({ model: sensitivity.content.inputs.model?.sha256 }),
        ...inputsOf({ sensitivity: sensitivity.sha256, latency: latency?.sha256 }),
      },
      options: recordedOptions(flags),
    };
    const options: PlanOptions = {
      limits: limitTexts(flags),
      fix: flags.fix,
      free: flags.free,
      exclude: flags.exclude,
      tie: flags.tie,
      metric: flags.metric,
      names: { sensitivity: sensitivity.name, latency: latency?.name },
    };
    if (flags.pareto !== undefined) {
      const { kind, points } = flags.pareto;
      const plans = await naming(
        sensitivity.name,
        paretoFrontier(sensitivity.content, latency?.content, kind, points, options),
      );
      return await writeFrontier(target, kind, plans, header);
    }
    if (flags.uniform !== undefined) {
      const { weightBits, activationBits } = flags.uniform;
      const ends = flags.ends;
      return await writePlan(
        target,
        uniformPlan(sensitivity.content.layers, weightBits, activationBits, { ends }),
        header,
      );
    }
    if (flags.random !== undefined) {
      const drawn = { ...options, seed: flags.random, count: 1 };
      const [found] = await naming(sensitivity.name, randomPlans(sensitivity.content, latency?.content, drawn));
      return await writePlan(target, found, header);
    }
    const { plan, lpText } = await naming(
      sensitivity.name,
      makePlan(sensitivity.content, latency?.content, options),
    );
    if (flags.lp !== undefined) await writeFile(flags.lp, lpText);
    return await writePlan(target, plan, header);
  },
});

/** That no plan fits is said of the table. */
async function naming<T>(table: string, plans: Promise<T>): Promise<T> {
  try {
    return await plans;
  } catch (error) {
    if (!(error instanceof DyadError) || error.kind !== "infeasible") throw error;
    throw new DyadError(error.kind, `${table}: ${error.message}`, { cause: error });
  }
}

/** @throws DyadError (usage) for flags that cannot go together. */
function checkMode(flags: PlanFlags): void {
  const modes = (["uniform", "random", "pareto"] as const).filter((mode) => flags[mode] !== undefined);
  if (modes.length > 1) throw usageError(`--${modes[0]} and --${modes[1]} cannot go together`);
  const [mode] = modes;
  const given = (names: readonly (keyof PlanFlags)[]) =>
    names.filter((name) => Array.isArray(flags[name]) ? flags[name].length > 0 : flags[name] !== undefined);
  if (mode === "uniform") {
    const [stray] = given([...LIMIT_KINDS.map(limitKey), "fix", "free", "exclude", "tie", "metric", "latency"]);
    if (stray !== undefined) {
      throw usageError(
        `--uniform gives every layer the same bits, so --${stray} has no meaning; leave one of them out`,
      );
    }
  } else if (flags.ends !== undefined) throw usageError("--ends is for --uniform");
  if (flags.lp === undefined) return;
  if (mode !== undefined) {
    throw usageError(`--lp writes the problem of one optimal plan, which --${mode} does not solve`);
  }
  if (flags.lp === STREAM && (flags.output ?? STREAM) === STREAM) {
    throw usageError("the plan and the LP text would both go to standard output; give -o FILE");
  }
}

function limitTexts(flags: PlanFlags): LimitTexts {
  return Object.fromEntries(LIMIT_KINDS.flatMap((kind) => {
    const text = flags[limitKey(kind)];
    return text === undefined ? [] : [[kind, text]];
  }));
}

function recordedOptions(flags: PlanFlags): Record<string, unknown> {
  const limits = limitTexts(flags);
  const listed = (texts: readonly string[]) => texts.length > 0 ? [...texts] : undefined;
  const named = (bits: CandidateBits | undefined) => bits && candidateName(bits);
  return optionsOf({
    limits: Object.keys(limits).length > 0 ? limits : undefined,
    fix: listed(flags.fix),
    free: listed(flags.free),
    exclude: listed(flags.exclude),
    tie: listed(flags.tie),
    metric: flags.metric,
    uniform: named(flags.uniform),
    ends: named(flags.ends),
    random: flags.random,
    pareto: flags.pareto,
  });
}

interface Header {
  readonly inputs: Record<string, FileReference>;
  readonly options: Record<string, unknown>;
}

async function writePlan(target: ArtefactTarget, found: Plan, header: Header): Promise<Report> {
  await target.write(encodeArtefact(PlanCodec, { ...header, ...found }));
  return { json: { output: target.name, ...found }, blocks: planBlocks(found, target.name) };
}

async function writeFrontier(target: ArtefactTarget, kind: LimitKind, plans: Plan[], header: Header): Promise<Report> {
  const { pareto: _, limits, ...options } = header.options;
  const artefacts = plans.map((found) => {
    const swept = found.constraints.find((constraint) => constraint.kind === kind)!;
    const ownLimits = { ...(limits as LimitTexts | undefined), [kind]: swept.requested };
    return {
      format: PlanCodec.format,
      version: PlanCodec.version,
      dyad: DYAD_VERSION,
      inputs: header.inputs,
      options: { limits: ownLimits, ...options },
      ...found,
    };
  });
  const content: ArtefactContent<Frontier> = { ...header, kind, plans: artefacts };
  await target.write(encodeArtefact(FrontierCodec, content));
  return {
    json: { output: target.name, kind, plans },
    blocks: [{
      columns: [numeric("plan"), numeric(`sum of ${plans[0].metric}`), numeric(kind), numeric("bits per weight"), {
        title: `--max-${kind}`,
      }],
      rows: plans.map(({ objective, totals, constraints }, i) => {
        const { used, unit, requested } = constraints.find((constraint) => constraint.kind === kind)!;
        return [
          String(i + 1),
          formatNumber(objective ?? 0, 6),
          formatAmount(used, unit),
          formatNumber(totals?.averageWeightBits ?? 0),
          requested,
        ];
      }),
    }, `written to ${target.name}; --max-${kind} of a row, given to dyad plan, gives its plan`],
  };
}
