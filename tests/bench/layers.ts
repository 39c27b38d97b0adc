/**
 * Where the time of an integer network goes, step by step:
 *
 *     deno run -A tests/bench/layers.ts NETWORK [--backend native|wasm] [--bits WEIGHTS/ACTIVATIONS] [--rounds N]
 *
 * NETWORK is one of tests/bench/networks.ts or the path of an ONNX file. Steps are timed where they run, the clock read
 * between them; a native step timed so costs a call of its own, about a microsecond, which the whole network pays once. The
 * last line is the whole network in one call. Shares are of the time of all steps, and of the fastest multiplications that
 * registers allow.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import type { IntegerProblem } from "../../lib/arith/problem.ts";
import { parseCandidateName } from "../../lib/format/plan.ts";
import { type Backend, BACKENDS, createEngine } from "../../lib/runtime/engine.ts";
import { printTable } from "../evidence/bars.ts";
import { BENCH_NETWORKS, integerInput, integerNetwork, prepareModel } from "./networks.ts";
import { measurePeaks, tierOf } from "./peak.ts";

const { values: flags, positionals: [name] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    backend: { type: "string", default: "native" },
    bits: { type: "string", default: "8/8" },
    rounds: { type: "string", default: "60" },
  },
});
const known = BENCH_NETWORKS.find((network) => network.name === name);
const bits = parseCandidateName(flags.bits);
if (name === undefined || bits === undefined || !BACKENDS.includes(flags.backend as Backend)) {
  console.error(
    `layers.ts NETWORK [--backend ${BACKENDS.join("|")}] [--bits 8/8]; networks: an ONNX file, or one of ` +
      BENCH_NETWORKS.map((network) => network.name).join(", "),
  );
  Deno.exit(2);
}
const backend = flags.backend as Backend; // as just checked
const prepared = prepareModel(known?.model() ?? Deno.readFileSync(name));
const network = integerNetwork(prepared, bits.weightBits, bits.activationBits);
const engine = createEngine(network, backend);
const input = integerInput(network);

/** Multiply-accumulate operations of a step. */
function macsOf(problem: IntegerProblem | undefined): number {
  if (problem?.kind !== "convolution") return 0;
  return problem.window.outputHeight * problem.window.outputWidth * problem.weights.length;
}

function sizesOf(problem: IntegerProblem | undefined): string {
  if (problem === undefined) return "";
  if (problem.kind !== "convolution") return problem.kind;
  const { window: w, inputChannels, outputChannels, groups } = problem;
  const stride = w.strideY === 1 ? "" : `/${w.strideY}`;
  const grouped = groups === 1 ? "" : `, ${groups} groups`;
  return `${w.inputHeight}x${w.inputWidth}x${inputChannels} ${w.kernelHeight}x${w.kernelWidth}${stride} > ` +
    `${outputChannels}${grouped}`;
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1];

const peaks = await measurePeaks({ samples: [15, 5], budgetMs: 500, sampleMs: 3, warmUpMs: 50 });
const peak = peaks.get(tierOf(`${backend} ${flags.bits}`))?.gmacs;
const rounds = Number(flags.rounds);
const ofStep = network.steps.map((): number[] => []);
/** The step whose time a step's is: a sum that takes in a convolution counts for that. */
const owners = new Map(engine.schedule.map(({ step, convolution }) => [step, convolution ?? step]));
const kernelsOf = new Map(engine.schedule.map(({ step, convolution }) => [convolution ?? step, engine.kernels[step]]));
const ofWhole: number[] = [];
const ofInput: number[] = [];
for (let round = -rounds; round < rounds; round++) {
  let last = performance.now();
  const isTimed = round >= 0;
  const stamp = (times: number[]): void => {
    const now = performance.now();
    if (isTimed) times.push(now - last);
    last = performance.now();
  };
  engine.run(input, (step) => stamp(ofStep[owners.get(step)!]), () => stamp(ofInput));
  last = performance.now();
  engine.run(input);
  stamp(ofWhole);
}
const medians = ofStep.map((times) => times.length === 0 ? 0 : median(times));
const total = medians.reduce((a, b) => a + b, median(ofInput));
const speed = (macs: number, ms: number): string[] => {
  if (macs === 0) return ["", ""];
  const gmacs = macs / ms / 1e6;
  return [gmacs.toFixed(1), peak === undefined ? "" : `${Math.round(100 * gmacs / peak)} %`];
};
const rows = network.steps.flatMap(({ name: step, problem }, i) => {
  if (problem === undefined || !kernelsOf.has(i)) return [];
  const macs = macsOf(problem);
  const share = `${(100 * medians[i] / total).toFixed(1)} %`;
  return [[
    step,
    sizesOf(problem),
    kernelsOf.get(i)!,
    (1000 * medians[i]).toFixed(1),
    share,
    ...speed(macs, medians[i]),
  ]];
});
rows.push([
  "input",
  "",
  "",
  (1000 * median(ofInput)).toFixed(1),
  `${(100 * median(ofInput) / total).toFixed(1)} %`,
  "",
  "",
]);
const whole = median(ofWhole);
rows.push(["all steps", "", "", (1000 * total).toFixed(1), "", ...speed(prepared.macs, total)]);
rows.push(["whole network", "", "", (1000 * whole).toFixed(1), "", ...speed(prepared.macs, whole)]);
printTable(`${prepared.graph.name}, ${backend} ${flags.bits}; peak ${peak?.toFixed(0) ?? "unknown"} GMAC/s`, {
  columns: [
    { title: "step" },
    { title: "sizes" },
    { title: "kernel" },
    numeric("µs"),
    numeric("of time"),
    numeric("GMAC/s"),
    numeric("of peak"),
  ],
  rows,
});
