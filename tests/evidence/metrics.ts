/**
 * Which metric of sensitivity makes the best plans. Candidates are all pairs of 8, 6, 4, 3 and 2 weight and activation
 * bits, limits are the size and the BOPS of the uniform 3/4 network (ends at 8/8). For every network and metric the
 * optimal and the greedy plan, for the default metric also the plan that `plan --refine 24` finds with the calibration
 * images and their copies shifted by a pixel, the uniform network, 100 random plans of that cost and 20 random plans of
 * all costs are quantized and run on the test images as integers:
 *
 *     deno run -A tests/evidence/metrics.ts [--images 10000] [--networks resnet20,mobile] [--samples 256]
 *
 * --samples is how many calibration images the sensitivity is measured on. Random plans of that cost are run until they
 * have proven to be worse than all plans that are better than the uniform network: no image's divergence is negative, so
 * that of some images is a lower bound. Exits 1 unless, for every network, the refined plan has a lower KL divergence from
 * the float network's output than the uniform network, the greedy plan and 95 of the 100 random plans, and the best
 * metric's rank correlation of predicted and true loss is at least 0.8.
 */
import { parseArgs } from "node:util";
import { numeric, type Table } from "../../cli/report.ts";
import { pearsonCorrelation, spearmanCorrelation } from "../../lib/arith/correlation.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { CalibrationCodec } from "../../lib/format/calibration.ts";
import { candidateName, type Plan, PlanCodec } from "../../lib/format/plan.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { greedyPlan } from "../../lib/plan/greedy.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { predictedLoss } from "../../lib/plan/prediction.ts";
import { randomPlans, spreadPlans } from "../../lib/plan/random.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { DEFAULT_METRIC } from "../../lib/sensitivity/metrics/mod.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { CALIBRATION_DATA, CALIBRATION_LABELS, dyad, testdata } from "./commands.ts";
import { meanKl, top1 } from "./compare_logits.ts";
import { FASHION_NETWORKS, fashionGraph, testImages } from "./fashion_networks.ts";
import { logitsOfNetworks } from "./logits_pool.ts";
import { writeShifted } from "./shifted_images.ts";

const WIDTHS = [8, 6, 4, 3, 2];
const CANDIDATES = WIDTHS.flatMap((weight) => WIDTHS.map((activation) => `${weight}/${activation}`)).join();
const UNIFORM = { weightBits: 3, activationBits: 4 };
const RANDOM_PLANS = 100;
const BEATEN_MIN = 95;
const SPREAD_PLANS = 20;
const RANK_CORRELATION_MIN = 0.8;
const SEED = 1;
const REFINED = 24;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    images: { type: "string", default: "10000" },
    samples: { type: "string", default: "256" },
    networks: { type: "string", default: FASHION_NETWORKS.map(({ name }) => name).join() },
  },
});
const images = testImages(Number(values.images));
const folder = Deno.makeTempDirSync();
const SHIFTED = `${folder}/shifted.npy`;
writeShifted(CALIBRATION_DATA[1], SHIFTED);

/** Calibration and sensitivity of all metrics, by the commands of the README. */
async function tablesOf(name: string) {
  const model = testdata(`models/${name}.onnx`);
  const [calibrationFile, sensitivityFile] = ["calibration", "sensitivity"].map((kind) =>
    `${folder}/${name}.${kind}.json`
  );
  await dyad("calibrate", model, ...CALIBRATION_DATA, "-o", calibrationFile);
  await dyad(
    ...[
      "sensitivity",
      model,
      "--calibration",
      calibrationFile,
      ...CALIBRATION_DATA,
      ...CALIBRATION_LABELS,
      "--limit",
      values.samples,
    ],
    ...["--candidates", CANDIDATES, "--metrics", "all", "-o", sensitivityFile],
  );
  const calibration = decodeArtefact(CalibrationCodec, Deno.readTextFileSync(calibrationFile), calibrationFile);
  const sensitivity = decodeArtefact(SensitivityCodec, Deno.readTextFileSync(sensitivityFile), sensitivityFile);
  return { calibration, sensitivity, calibrationFile, sensitivityFile };
}

/**
 * By the command of the README: of many plans within the limits the one that loses least on the calibration images and
 * their shifted copies, or the optimal one where that could be chance. More images make smaller differences certain.
 */
async function refinedPlan(
  name: string,
  { calibrationFile, sensitivityFile }: { readonly calibrationFile: string; readonly sensitivityFile: string },
  limits: { readonly size: string; readonly bops: string },
): Promise<Plan> {
  const planFile = `${folder}/${name}.plan.json`;
  await dyad(
    ...["plan", sensitivityFile, "--max-size", limits.size, "--max-bops", limits.bops, "--refine", String(REFINED)],
    ...["--model", testdata(`models/${name}.onnx`), "--calibration", calibrationFile],
    ...["--data", SHIFTED, ...CALIBRATION_DATA.slice(2), "-o", planFile],
  );
  return decodeArtefact(PlanCodec, Deno.readTextFileSync(planFile), planFile);
}

/** A plan and what its network gave on the test images. */
interface Measured {
  readonly plan: Plan;
  readonly kl: number;
  readonly top1: number;
}

/** Equal for plans of one network. */
const keyOf = (plan: Plan): string => plan.layers.map(candidateName).join(" ");

const held: boolean[] = [];
for (const name of values.networks.split(",")) {
  const graph = fashionGraph(name);
  const tables = await withProgress(`${name}: calibrating, measuring sensitivity`, () => tablesOf(name));
  const { calibration, sensitivity } = tables;
  const uniform = uniformPlan(layersOf(graph), UNIFORM);
  const limits = {
    size: `${uniform.layers.reduce((sum, layer) => sum + layer.parameters! * layer.weightBits / 8, 0)}B`,
    bops: String(uniform.layers.reduce((sum, layer) => sum + layer.macs! * layer.weightBits * layer.activationBits, 0)),
  };
  const metrics = Object.keys(sensitivity.layers[0].candidates[0].scores);
  const optimal = new Map<string, Plan>();
  const greedy = new Map<string, Plan>();
  for (const metric of metrics) {
    optimal.set(metric, (await makePlan(sensitivity, undefined, { limits, metric })).plan);
    greedy.set(metric, await greedyPlan(sensitivity, undefined, { limits, metric }));
  }
  const refined = await withProgress(`${name}: refining`, () => refinedPlan(name, tables, limits));
  const random = await randomPlans(sensitivity, undefined, { limits, seed: SEED, count: RANDOM_PLANS });
  const spread = spreadPlans(sensitivity, undefined, { seed: SEED, count: SPREAD_PLANS });
  const plans = new Map(
    [uniform, refined, ...optimal.values(), ...greedy.values(), ...spread].map((plan) => [keyOf(plan), plan]),
  );
  const networkOf = ({ layers }: Plan) =>
    quantizeGraph(graph, calibration, { layers: new Map(layers.map((layer) => [layer.name, layer])) });
  const [float, ...logits] = await withProgress(
    `${name}: running ${plans.size + 1} networks`,
    (onProgress) => logitsOfNetworks([name, ...Array.from(plans.values(), networkOf)], images.count, onProgress),
  );
  const measured = new Map(Array.from(plans, ([key, plan], i): [string, Measured] => [key, {
    plan,
    kl: meanKl(float, logits[i]),
    top1: top1(logits[i], images.labels!),
  }]));
  const lossOf = (plan: Plan): Measured => measured.get(keyOf(plan))!;
  const klOfUniform = lossOf(uniform).kl;
  const better = Array.from([refined, ...optimal.values()], (plan) => lossOf(plan).kl).filter((kl) => kl < klOfUniform);
  const until = { float, divergence: images.count * Math.max(0, ...better) };
  const randomLogits = await withProgress(
    `${name}: running ${random.length} random networks`,
    (onProgress) => logitsOfNetworks(random.map(networkOf), images.count, onProgress, until),
  );
  const leastKls = randomLogits.map((found) =>
    meanKl(float.subarray(0, found.length), found) * found.length / float.length
  );
  const rowOf = (title: string, plan: Plan, metric: string): PlanRow => {
    const [own, other] = [lossOf(plan), lossOf(greedy.get(metric)!)];
    const beaten = own.kl < klOfUniform ? leastKls.filter((kl) => own.kl < kl).length : undefined;
    // A greedy plan that is the optimal one is no other plan to be better than.
    const isBetter = (own === other || own.kl < other.kl) && beaten !== undefined && beaten >= BEATEN_MIN;
    return { title, own, other, beaten, isBetter };
  };
  const ofRefined = rowOf(`${DEFAULT_METRIC}, --refine ${REFINED}`, refined, DEFAULT_METRIC);
  const rows = metrics.map((metric) => rowOf(metric, optimal.get(metric)!, metric));
  held.push(ofRefined.isBetter);
  printTable(
    `${name}: KL from the float network on ${images.count} images, at the size and BOPS of uniform 3/4 ` +
      `(KL ${klOfUniform.toFixed(4)}, top-1 ${lossOf(uniform).top1.toFixed(2)} %; float ` +
      `${top1(float, images.labels!).toFixed(2)} %)`,
    planTable(ofRefined, rows, random.length),
  );

  const trueLosses = spread.map((plan) => lossOf(plan).kl);
  const correlations = metrics.map((metric) => {
    const predicted = spread.map((plan) => predictedLoss(sensitivity, plan, metric));
    return {
      metric,
      rank: spearmanCorrelation(predicted, trueLosses) ?? 0,
      r2: (pearsonCorrelation(predicted, trueLosses) ?? 0) ** 2,
    };
  }).sort((a, b) => b.rank - a.rank);
  held.push(correlations[0].rank >= RANK_CORRELATION_MIN);
  printTable(`${name}: predicted and true loss of ${spread.length} random plans of all costs`, {
    columns: [
      { title: "metric" },
      numeric("rank correlation"),
      numeric("R^2"),
      { title: "best >= 0.8" },
    ],
    rows: correlations.map(({ metric, rank, r2 }, i) => [
      metric,
      rank.toFixed(3),
      r2.toFixed(3),
      i === 0 ? barCell(rank >= RANK_CORRELATION_MIN) : "",
    ]),
  });
}
Deno.removeSync(folder, { recursive: true });
conclude(held);

interface PlanRow {
  readonly title: string;
  readonly own: Measured;
  readonly other: Measured;
  /** Left out for plans that are worse than the uniform network. */
  readonly beaten?: number;
  readonly isBetter: boolean;
}

function planTable(refined: PlanRow, others: readonly PlanRow[], randomCount: number): Table {
  return {
    columns: [
      { title: "metric" },
      numeric("plan"),
      numeric("top-1"),
      numeric("greedy"),
      numeric("top-1"),
      numeric(`better than random, of ${randomCount}`),
      { title: "better than all" },
    ],
    rows: [refined, ...others.toSorted((a, b) => a.own.kl - b.own.kl)].map((row) => {
      const { title, own, other, beaten, isBetter } = row;
      return [
        title,
        own.kl.toFixed(4),
        own.top1.toFixed(2),
        own === other ? "same plan" : other.kl.toFixed(4),
        other.top1.toFixed(2),
        beaten === undefined ? "" : String(beaten),
        row === refined ? barCell(isBetter) : isBetter ? "yes" : "no",
      ];
    }),
  };
}
