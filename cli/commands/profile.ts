import { CalibrationCodec } from "../../lib/format/calibration.ts";
import { encodeArtefact } from "../../lib/format/artefact.ts";
import { DEFAULT_CANDIDATES, parseCandidates, withEndCandidate } from "../../lib/format/candidates.ts";
import { usageError } from "../../lib/format/error.ts";
import { type Latency, LatencyCodec, type Measurement } from "../../lib/format/latency.ts";
import { PartCodec, shardOf } from "../../lib/format/part.ts";
import { candidateName, PlanCodec } from "../../lib/format/plan.ts";
import { measure } from "../../lib/profile/measure.ts";
import { mergeLatency } from "../../lib/profile/merge_latency.ts";
import type { TimedNetwork } from "../../lib/profile/timed_network.ts";
import type { Backend } from "../../lib/runtime/engine.ts";
import { inputsOf, loadArtefact, modelOf, optionsOf, requireSameModel } from "../artefacts.ts";
import { backendFlag, resolveBackend } from "../backend.ts";
import { defineCommand, type FlagValues } from "../command.ts";
import { artefactTarget } from "../files.ts";
import {
  COUNT,
  defaultFlag,
  FILE,
  oneOf,
  optionalFlag,
  positional,
  POSITIVE_INTEGER,
  repeatedFlag,
  REPLACEABLE_FILE,
  SEED,
  switchFlag,
} from "../flag.ts";
import { CODING_FLAGS, codingOf, MODEL_FLAGS, OUTPUT_FLAG } from "../flags.ts";
import { earlierMeasurements } from "../earlier_measurements.ts";
import { latencyPartReport, latencyReport } from "../latency_report.ts";
import { thisMachine } from "../machine.ts";
import { loadModel } from "../model.ts";
import { buildNetworks } from "../profiled_networks.ts";
import type { OnProgress } from "../progress.ts";
import { SHARD_FLAG } from "../shard.ts";
import type { Terminal } from "../terminal.ts";

const FLAGS = {
  candidates: defaultFlag(
    "--candidates <list>",
    "weight bits / activation bits to measure, each 2 to 8, or codes1 to codes4 for binary codes; 8/8 is always measured, since " +
      "limits refer to it",
    { parse: parseCandidates },
    DEFAULT_CANDIDATES,
  ),
  backend: backendFlag("what computes the networks", "wasm"),
  plan: repeatedFlag("--plan <file>", "measure the network of this plan too, and compare it with its layers", FILE),
  mixtures: defaultFlag("--mixtures <n>", "random mixtures of the candidates to compare with their layers", COUNT, "4"),
  seed: defaultFlag("--seed <n>", "for the mixtures and the input", SEED, "1"),
  rounds: optionalFlag(
    "--rounds <n>",
    "how many times to measure everything (default: what fits into 8 s, 5 to 200)",
    POSITIVE_INTEGER,
  ),
  calibration: optionalFlag(
    "--calibration <file>",
    "ranges of the model's tensors (default: of random inputs, which are as fast)",
    FILE,
  ),
  residualBits: defaultFlag(
    "--residual-bits <n>",
    "bits of summands of an addition that are not accumulators, as for quantize",
    oneOf(["8", "16"]),
    "8",
  ),
  ...CODING_FLAGS,
  floatInput: switchFlag("--float-input", "the networks take the quantized float input instead of raw pixels"),
  cache: optionalFlag(
    "--cache <file>",
    "table whose measurements to reuse (default: the output, if it exists)",
    REPLACEABLE_FILE,
  ),
  fresh: switchFlag("--fresh", "measure everything anew"),
  ...SHARD_FLAG,
  ...MODEL_FLAGS,
  ...OUTPUT_FLAG,
};
type ProfileFlags = FlagValues<typeof FLAGS>;

export const profile = defineCommand({
  name: "profile",
  summary: "Measure the time of every layer at every candidate on this machine",
  details:
    "Networks run from end to end, in turns, with the clock read between their steps; the median over the rounds " +
    "counts. Steps that run the same code on tensors of the same sizes are one measurement. Whole networks are " +
    "measured beside them, each candidate and random mixtures, and compared with the sums of their layers. One thread, " +
    "one image at a time.\n\n" +
    "Measurements of an earlier table by the same version, machine and backend are reused, by default those of the " +
    "output file; --fresh leaves them.",
  positionals: { model: positional("ONNX model", FILE) },
  flags: FLAGS,
  examples: [
    "dyad profile model.onnx --candidates 8/8,4/8,4/4 -o model.latency.json",
    "dyad profile model.onnx --plan model.plan.json --rounds 50 --fresh -o model.latency.json",
  ],
  async run({ args, flags, terminal }) {
    if (flags.fresh && flags.cache !== undefined) throw usageError("--fresh and --cache cannot go together");
    const target = artefactTarget(flags, terminal);
    const model = loadModel(args.model, flags);
    const calibration = flags.calibration === undefined ? undefined : loadArtefact(CalibrationCodec, flags.calibration);
    const plans = flags.plan.map((path) => loadArtefact(PlanCodec, path));
    requireSameModel([
      { name: model.name, model: model.sha256 },
      ...(calibration === undefined ? [] : [modelOf(calibration)]),
      ...plans.map((plan) => modelOf(plan)),
    ]);
    const backend = resolveBackend(flags.backend, terminal);
    const machine = { ...thisMachine(), backend, threads: 1, batch: 1 };
    const earlier = earlierMeasurements(flags, machine, terminal);
    const options = networkOptions(flags, backend);
    const { frame, networks } = await terminal.withProgress(
      "building",
      (onProgress) => buildNetworks({ ...options, model, calibration, plans, machine }, onProgress),
    );
    const { shard } = flags;
    const wanted = shard === undefined ? frame.keys : shardOf(frame.keys, shard);
    const missing = wanted.filter((key) => !earlier.measurements.has(key));
    const measured = await terminal.withProgress(
      "measuring",
      (onProgress) => runMeasurement(networks, missing, flags.rounds, onProgress),
    );
    const found = new Map([...earlier.measurements, ...measured.map((each) => [each.key, each] as const)]);
    const records = wanted.map((key) => found.get(key)!);
    const header = {
      inputs: inputsOf({
        model: model.sha256,
        calibration: calibration?.sha256,
        ...Object.fromEntries(plans.map(({ sha256 }, i) => [plans.length === 1 ? "plan" : `plan ${i + 1}`, sha256])),
      }),
      options: optionsOf({ ...options, candidates: options.candidates.map(candidateName), rounds: flags.rounds }),
    };
    const reused = wanted.length - missing.length;
    const reuse = earlier.name === undefined ? undefined : { reused, keys: wanted.length, from: earlier.name };
    if (shard !== undefined) {
      await target.write(encodeArtefact(PartCodec, { ...header, of: "dyad/latency", shard, frame, records }));
      return latencyPartReport(shard, records.length, { output: target.name, reuse });
    }
    const content = mergeLatency(frame, records);
    await target.write(encodeArtefact(LatencyCodec, { ...header, ...content }));
    warnOfNoise(content, terminal);
    return latencyReport(content, { output: target.name, reuse });
  },
});

function networkOptions(
  flags: ProfileFlags,
  backend: Backend,
) {
  const { candidates, mixtures, seed, residualBits, floatInput } = flags;
  return {
    candidates: withEndCandidate(candidates),
    backend,
    mixtures,
    seed,
    residualBits: Number(residualBits),
    pixels: !floatInput,
    ...codingOf(flags, candidates),
  };
}

function runMeasurement(
  networks: readonly TimedNetwork[],
  wanted: readonly string[],
  rounds: number | undefined,
  onProgress: OnProgress,
): Measurement[] {
  const steps = measure(networks, wanted, { clock: () => performance.now(), rounds });
  while (true) {
    const step = steps.next();
    if (step.done) return step.value;
    onProgress(step.value.done, step.value.total, step.value.part);
  }
}

/** Quartiles of whole networks farther apart than this, as a fraction of the median, make the table doubtful. */
const NOISY = 0.2;

function warnOfNoise({ networks = [] }: Latency, terminal: Pick<Terminal, "warn">): void {
  const spreads = networks.map(({ measuredMs, quartiles: [low, high] }) => (high - low) / measuredMs);
  const [median] = spreads.sort((a, b) => a - b).slice(spreads.length >> 1);
  if (!(median > NOISY)) return;
  terminal.warn(
    `the machine is busy: half of the times of a network are ${Math.round(100 * median)} % apart; measure again with ` +
      `--fresh when nothing else runs`,
  );
}
