/**
 * The float engine against onnxruntime-node, which is installed on the first run:
 *
 *     deno run --allow-read --allow-run tests/bench/onnxruntime_check.ts
 *
 * For every convolutional network of testdata, over the first 64 test images: the largest difference of a logit, relative
 * to the largest magnitude among the logits of its image. Exits 1 where that is above 1e-4.
 */
import { fileURLToPath } from "node:url";
import { numeric } from "../../cli/report.ts";
import { sampleAsFloat } from "../../lib/format/dataset.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { barCell, conclude, printTable } from "../evidence/bars.ts";
import { top1 } from "../evidence/compare_logits.ts";
import { CLASSES, FASHION_NETWORKS, fashionGraph, testImages } from "../evidence/fashion_networks.ts";

const IMAGES = 64;
const BAR = 1e-4;

const HERE = new URL("./", import.meta.url);
const PEER = new URL("onnxruntime/logits.ts", HERE);

/** The model's output by onnxruntime-node. */
async function peerLogits(model: URL, shape: readonly number[], input: Float32Array<ArrayBuffer>) {
  const permissions = ["-R", "-E", "-S", "--allow-ffi"];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...permissions, PEER.href, fileURLToPath(model), shape.join()],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
  const process = command.spawn();
  const writer = process.stdin.getWriter();
  const [output] = await Promise.all([
    process.output(),
    writer.write(new Uint8Array(input.buffer)).then(() => writer.close()),
  ]);
  if (!output.success) throw new Error(`${PEER.pathname} exited with ${output.code}`);
  return new Float32Array(output.stdout.slice().buffer);
}

/** Largest |a - b| of an image over largest |b| of it, the worst image. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let worst = 0;
  for (let first = 0; first < b.length; first += CLASSES) {
    const [ours, theirs] = [a, b].map((logits) => logits.subarray(first, first + CLASSES));
    const magnitude = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const difference = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[i])), 0);
    worst = Math.max(worst, difference / magnitude);
  }
  return worst;
}

const images = testImages(IMAGES);
const samples = Array.from({ length: IMAGES }, (_, i) => sampleAsFloat(images, i));
const input = new Float32Array(samples.flatMap((sample) => [...sample]));
const held: boolean[] = [];
const rows = [];
for (const { name } of FASHION_NETWORKS) {
  const engine = compileFloat(fashionGraph(name));
  const ours = new Float32Array(samples.flatMap((sample) => [...engine.run(sample)]));
  const model = new URL(`../../testdata/models/${name}.onnx`, HERE);
  const theirs = await peerLogits(model, [IMAGES, ...images.sampleShape], input);
  if (theirs.length !== ours.length) throw new Error(`${name}: ${ours.length} logits against ${theirs.length}`);
  const difference = largestDifference(ours, theirs);
  held.push(difference <= BAR);
  rows.push([
    name,
    difference.toExponential(2),
    BAR.toExponential(0),
    top1(ours, images.labels!).toFixed(2),
    top1(theirs, images.labels!).toFixed(2),
    barCell(held.at(-1)!),
  ]);
}
printTable(`Float engine against onnxruntime-node, ${IMAGES} images`, {
  columns: [
    { title: "network" },
    numeric("relative difference"),
    numeric("bar"),
    numeric("top-1"),
    numeric("its top-1"),
    { title: "" },
  ],
  rows,
});
conclude(held);
