/**
 * Whether sensitivity and plan find better bits than no thought or chance does. Candidates down to 2 weight bits at
 * activation bits 8, a budget of 3 bits per weight on average; for every network the plan, the uniform 3-bit network and
 * 20 random plans of the same budget are quantized and run on the test images:
 *
 *     deno run --allow-read tests/evidence/plans.ts [--images 1000] [--networks resnet20,mobile] [--samples 256]
 *
 * --samples is how many calibration images the sensitivity is measured on. Exits 1 unless the plan's mean KL divergence
 * from the float network's output is lower than that of every other network.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import type { Calibration } from "../../lib/format/calibration.ts";
import { parseCandidates } from "../../lib/format/candidates.ts";
import type { Plan } from "../../lib/format/plan.ts";
import type { Sensitivity } from "../../lib/format/sensitivity.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { randomPlans } from "../../lib/plan/random.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { measureSensitivity } from "../../lib/sensitivity/measure.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { meanKl, top1 } from "./compare_logits.ts";
import { calibrationImages, FASHION_NETWORKS, fashionGraph, testImages } from "./fashion_networks.ts";
import { logitsOfNetworks } from "./logits_pool.ts";

const CANDIDATES = "8/8,6/8,5/8,4/8,3/8,2/8";
const BUDGET = { limits: { "weight-bits": "3" } };
const RANDOM_PLANS = 20;
const SEED = 1;
const METRIC = "kl";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    images: { type: "string", default: "10000" },
    samples: { type: "string", default: "256" },
    networks: { type: "string", default: FASHION_NETWORKS.map(({ name }) => name).join() },
  },
});
const images = testImages(Number(values.images));

function measure(graph: Graph, calibration: Calibration, onProgress: (done: number, total: number) => void) {
  return measureSensitivity({
    graph,
    calibration,
    dataset: calibrationImages(Number(values.samples)),
    candidates: parseCandidates(CANDIDATES),
    metric: METRIC,
    metrics: [METRIC],
  }, { onProgress });
}

/** The plan of the solver, uniform 3 bits, and the random plans. */
async function plansOf(graph: Graph, sensitivity: Sensitivity): Promise<Plan[]> {
  const { plan } = await makePlan(sensitivity, undefined, BUDGET);
  const random = await randomPlans(sensitivity, undefined, { ...BUDGET, seed: SEED, count: RANDOM_PLANS });
  return [plan, uniformPlan(layersOf(graph), { weightBits: 3, activationBits: 8 }), ...random];
}

interface Outcome {
  readonly title: string;
  readonly plan: Plan;
  readonly kl: number;
  readonly top1: number;
}

/** Weight bits per weight of all layers but the first and the last, which every plan keeps at 8. */
function averageBits({ layers }: Plan): number {
  const inner = layers.slice(1, -1);
  const parameters = inner.reduce((sum, layer) => sum + layer.parameters!, 0);
  return inner.reduce((sum, layer) => sum + layer.parameters! * layer.weightBits, 0) / parameters;
}

/** Sum of the scores of the layers: what the plan minimises, known for all plans. */
function scoreOf({ layers }: Plan, table: Sensitivity): number {
  return layers.reduce((sum, { name, weightBits, activationBits }) => {
    const row = table.layers.find((layer) => layer.name === name)!;
    const found = row.candidates.find((c) => c.weightBits === weightBits && c.activationBits === activationBits)!;
    return sum + found.scores[METRIC];
  }, 0);
}

const held: boolean[] = [];
for (const name of values.networks.split(",")) {
  const graph = fashionGraph(name);
  const { content: calibration } = await withProgress(
    `${name}: calibrating`,
    (onProgress) => calibrateGraph(graph, calibrationImages(), { method: "auto", onProgress }),
  );
  const sensitivity = await withProgress(
    `${name}: measuring sensitivity`,
    (onProgress) => measure(graph, calibration, onProgress),
  );
  const plans = await plansOf(graph, sensitivity);
  const networks = plans.map(({ layers }) =>
    quantizeGraph(graph, calibration, { layers: new Map(layers.map((layer) => [layer.name, layer])) })
  );
  const [float, ...logits] = await withProgress(
    `${name}: running ${networks.length} networks`,
    (onProgress) => logitsOfNetworks([name, ...networks], images.count, onProgress),
  );
  const outcomes = plans.map((plan, i): Outcome => ({
    title: i === 0 ? "plan" : i === 1 ? "uniform 3/8" : `random ${i - 1}`,
    plan,
    kl: meanKl(float, logits[i]),
    top1: top1(logits[i], images.labels!),
  }));
  const [own, uniform, ...random] = outcomes;
  const sorted = random.toSorted((a, b) => a.kl - b.kl);
  held.push(own.kl < uniform.kl, own.kl < sorted[0].kl);
  const shown: (readonly [Outcome, boolean?])[] = [
    [own],
    [uniform, own.kl < uniform.kl],
    [{ ...sorted[0], title: `best of ${random.length} random` }, own.kl < sorted[0].kl],
    [{ ...sorted[random.length >> 1], title: "median random" }],
    [{ ...sorted.at(-1)!, title: "worst random" }],
  ];
  printTable(`${name}: float top-1 ${top1(float, images.labels!).toFixed(2)} % on ${images.count} images`, {
    columns: [
      { title: "network" },
      numeric("bits per weight"),
      numeric("sum of scores"),
      numeric("KL"),
      numeric("top-1"),
      { title: "above the plan" },
      { title: "weight bits by layer" },
    ],
    rows: shown.map(([outcome, isHeld]) => [
      outcome.title,
      averageBits(outcome.plan).toFixed(3),
      scoreOf(outcome.plan, sensitivity).toFixed(4),
      outcome.kl.toFixed(4),
      outcome.top1.toFixed(2),
      isHeld === undefined ? "" : barCell(isHeld),
      outcome.plan.layers.map(({ weightBits }) => weightBits).join(""),
    ]),
  });
}
conclude(held);
