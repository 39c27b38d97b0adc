import { parentPort } from "node:worker_threads";
import { dequantize } from "../../lib/arith/quantization.ts";
import { type Dataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { createEngine } from "../../lib/runtime/engine.ts";
import { chooseBackend } from "../../lib/runtime/native_status.ts";
import { networkInput } from "../../lib/runtime/network_input.ts";
import { meanKl } from "./compare_logits.ts";
import { CLASSES, fashionGraph, testImages } from "./fashion_networks.ts";
import type { LogitsAnswer, LogitsTask } from "./logits_pool.ts";

/** Images between two reports of progress. */
const REPORTED_IMAGES = 250;

let images: Dataset | undefined;

parentPort!.on("message", (task: LogitsTask) => {
  if (images?.count !== task.images) images = testImages(task.images);
  const run = typeof task.network === "string" ? floatRun(task.network) : integerRun(task.network);
  const logits = new Float32Array(images.count * CLASSES);
  let divergence = 0;
  for (let i = 0; i < images.count; i++) {
    logits.set(run(images, i), i * CLASSES);
    if ((i + 1) % REPORTED_IMAGES !== 0) continue;
    answer({ kind: "progress", images: REPORTED_IMAGES });
    if (task.until === undefined) continue;
    const [first, end] = [(i + 1 - REPORTED_IMAGES) * CLASSES, (i + 1) * CLASSES];
    divergence += REPORTED_IMAGES * meanKl(task.until.float.subarray(first, end), logits.subarray(first, end));
    if (divergence > task.until.divergence) return answer({ kind: "logits", logits: logits.slice(0, end) });
  }
  answer({ kind: "logits", logits });
});

function answer(message: LogitsAnswer): void {
  parentPort!.postMessage(message);
}

type Run = (dataset: Dataset, index: number) => Float32Array;

function floatRun(model: string): Run {
  const engine = compileFloat(fashionGraph(model));
  return (dataset, index) => engine.run(sampleAsFloat(dataset, index));
}

/** Logits come out as integers; dequantized here, for the comparison alone. */
function integerRun(network: IntegerNetwork): Run {
  const engine = createEngine(network, chooseBackend("auto", () => "wasm").backend);
  const output = network.tensors.get(network.output.tensor)!;
  return (dataset, index) =>
    Float32Array.from(engine.run(networkInput(network, dataset, index)), (q) => dequantize(q, output));
}
