/**
 * The recurrent networks in float, against what testdata/README.md states of them, and as integers after calibration alone,
 * at 8/8: top-1 of lstm.onnx on the test images, rows as time steps, and perplexity of lstm_lm.onnx on the test split as
 * one stream, its state carried from the first token to the last (of the integer network, its own):
 *
 *     deno run --allow-read tests/evidence/sequences.ts [--images 1000] [--tokens 1000]
 *
 * Exits 1 when one is missed. The bars are meant for all 10,000 images and 40,044 tokens, which the options cut short.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { sampleAsFloat } from "../../lib/format/dataset.ts";
import { createEngine } from "../../lib/runtime/engine.ts";
import { networkInput } from "../../lib/runtime/network_input.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { calibrationImages, fashionGraph, testImages } from "./fashion_networks.ts";
import { integerPerplexity, quantizedAtEight } from "./integer_sequences.ts";
import { LSTM_CORRECT, perplexity, TEST_PERPLEXITY, testTokens } from "./sequence_networks.ts";

/** Tokens in one run of the graph. */
const STEPS = 100;
/** Half of the last digit that is stated. */
const PERPLEXITY_ROUNDING = 5e-4;
/** Points of top-1 that the integer network may lose. */
const MOST_POINTS = 0.3;
/** By how many percent its perplexity may be greater. */
const MOST_PERCENT = 1;

const { values } = parseArgs({
  args: Deno.args,
  options: { images: { type: "string", default: "10000" }, tokens: { type: "string", default: "40044" } },
});

const images = testImages(Number(values.images));
const engine = compileFloat(fashionGraph("lstm"));
const correct = await withProgress("lstm: top-1", (onProgress) => {
  let right = 0;
  for (let i = 0; i < images.count; i++) {
    if (argmax(engine.run(sampleAsFloat(images, i))) === images.labels![i]) right++;
    onProgress(i + 1, images.count);
  }
  return right;
});
const integerCorrect = await withProgress("lstm: integers", (onProgress) => {
  const network = quantizedAtEight(fashionGraph("lstm"), calibrationImages());
  const engine = createEngine(network, "wasm", "lstm");
  let right = 0;
  for (let i = 0; i < images.count; i++) {
    if (argmax(engine.run(networkInput(network, images, i))) === images.labels![i]) right++;
    onProgress(i + 1, images.count);
  }
  return right;
});
const tokens = testTokens(Number(values.tokens));
const found = await withProgress(
  "lstm_lm: perplexity",
  (onProgress) => perplexity(tokens, STEPS, (done) => onProgress(done, tokens.length)),
);

const integerFound = await withProgress("lstm_lm: integers", (onProgress) => integerPerplexity(tokens, onProgress));

const drop = 100 * (correct - integerCorrect) / images.count;
const rise = 100 * (integerFound / found - 1);
const held = [
  correct === LSTM_CORRECT,
  drop <= MOST_POINTS,
  Math.abs(found - TEST_PERPLEXITY) <= PERPLEXITY_ROUNDING,
  rise <= MOST_PERCENT,
];
const [right, predicted] = [`right of ${images.count} images`, `perplexity, ${tokens.length} tokens`];
printTable("Recurrent networks in float, and integer-only at 8/8", {
  columns: [{ title: "network" }, { title: "measure" }, numeric("found"), numeric("bar"), { title: "" }],
  rows: [
    ["lstm float", right, String(correct), `is ${LSTM_CORRECT}`, barCell(held[0])],
    ["lstm 8/8", right, String(integerCorrect), `${drop.toFixed(2)} of ${MOST_POINTS} points less`, barCell(held[1])],
    ["lstm_lm float", predicted, found.toFixed(3), `is ${TEST_PERPLEXITY}`, barCell(held[2])],
    [
      "lstm_lm 8/8",
      predicted,
      integerFound.toFixed(3),
      `${rise.toFixed(2)} of ${MOST_PERCENT} % more`,
      barCell(held[3]),
    ],
  ],
});
conclude(held);
