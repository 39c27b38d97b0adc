/**
 * Top-1 on the test images of the integer-only networks after calibration alone, against the float networks:
 *
 *     deno run --allow-read tests/evidence/accuracy.ts [--images 1000]
 *
 * Calibrated on 512 images with method auto; everything else as `quantize` has it by default. First and last layer 8/8.
 * Exits 1 when a network loses more than its bar, or when the float network is not as good as testdata/README.md says.
 * The bars are meant for all 10,000 images, which --images cuts short.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import type { Calibration } from "../../lib/format/calibration.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { uniformPlan } from "../../lib/plan/uniform.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { meanKl, top1 } from "./compare_logits.ts";
import { calibrationImages, FASHION_NETWORKS, fashionGraph, testImages } from "./fashion_networks.ts";
import { logitsOfNetworks } from "./logits_pool.ts";

/** Points of top-1 that a network may lose at [weight bits, activation bits]; without a bar it is only measured. */
const BARS: readonly { readonly network: string; readonly bits: readonly [number, number]; readonly bar?: number }[] = [
  { network: "resnet20", bits: [8, 8], bar: 0.1 },
  { network: "resnet20", bits: [4, 8], bar: 0.25 },
  { network: "resnet20", bits: [4, 4], bar: 0.6 },
  { network: "mobile", bits: [8, 8], bar: 0.1 },
  { network: "mobile", bits: [4, 8] },
  { network: "mobile", bits: [4, 4] },
  { network: "inception", bits: [8, 8], bar: 0.1 },
  { network: "inception", bits: [4, 8] },
  { network: "inception", bits: [4, 4] },
];

/** Above what float64 makes of differences of hundredths (one image of 10,000), and far below one. */
const ROUNDING = 1e-6;

/** How calibration chose to quantize at these widths. */
function chosenMethods({ choices = {} }: Calibration, [weightBits, activationBits]: readonly number[]): string {
  return `${choices[activationBits]?.activations} for activations, ${choices[weightBits]?.weights} for weights`;
}

const { values } = parseArgs({ args: Deno.args, options: { images: { type: "string", default: "10000" } } });
const images = testImages(Number(values.images));
const labels = images.labels!;

const held: boolean[] = [];
const rows = [];
for (const { name, correct } of FASHION_NETWORKS) {
  const graph = fashionGraph(name);
  const calibration = await withProgress(
    `${name}: calibrating`,
    (onProgress) => calibrateGraph(graph, calibrationImages(), { method: "auto", onProgress }).content,
  );
  const bars = BARS.filter(({ network }) => network === name);
  const networks = bars.map(({ bits: [weightBits, activationBits] }) => {
    const { layers } = uniformPlan(layersOf(graph), { weightBits, activationBits });
    return quantizeGraph(graph, calibration, { layers: new Map(layers.map((layer) => [layer.name, layer])) });
  });
  const [float, ...quantized] = await withProgress(
    `${name}: running`,
    (onProgress) => logitsOfNetworks([name, ...networks], images.count, onProgress),
  );
  const expected = top1(float, labels);
  const isWhole = images.count === 10_000;
  if (isWhole) held.push(Math.round(expected * 100) === correct);
  rows.push([
    name,
    "float",
    expected.toFixed(2),
    "",
    isWhole ? `is ${(correct / 100).toFixed(2)}` : "",
    "",
    isWhole ? barCell(held.at(-1)!) : "",
  ]);
  bars.forEach(({ bits, bar }, i) => {
    const found = top1(quantized[i], labels);
    if (bar !== undefined) held.push(expected - found <= bar + ROUNDING);
    rows.push([
      name,
      bits.join("/"),
      found.toFixed(2),
      (expected - found).toFixed(2),
      bar === undefined ? "" : bar.toFixed(2),
      meanKl(float, quantized[i]).toExponential(2),
      bar === undefined ? "" : barCell(held.at(-1)!),
      chosenMethods(calibration, bits),
    ]);
  });
}
printTable(`Top-1 in percent on ${images.count} test images, integer-only on WebAssembly`, {
  columns: [
    { title: "network" },
    { title: "bits" },
    numeric("top-1"),
    numeric("drop"),
    numeric("bar"),
    numeric("KL"),
    { title: "" },
    { title: "chosen by calibration" },
  ],
  rows,
});
conclude(held);
