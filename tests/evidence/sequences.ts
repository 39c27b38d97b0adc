/**
 * The float results that testdata/README.md states of the recurrent networks: top-1 of lstm.onnx on the test images, rows
 * as time steps, and perplexity of lstm_lm.onnx on the test split as one stream:
 *
 *     deno run --allow-read tests/evidence/sequences.ts [--images 1000] [--tokens 1000]
 *
 * Exits 1 when one is missed. The bars are meant for all 10,000 images and 40,044 tokens, which the options cut short.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { compileFloat } from "../../lib/float/engine.ts";
import { sampleAsFloat } from "../../lib/format/dataset.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { fashionGraph, testImages } from "./fashion_networks.ts";
import { LSTM_CORRECT, perplexity, TEST_PERPLEXITY, testTokens } from "./sequence_networks.ts";

/** Tokens in one run of the graph. */
const STEPS = 100;
/** Half of the last digit that is stated. */
const PERPLEXITY_ROUNDING = 5e-4;

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
const tokens = testTokens(Number(values.tokens));
const found = await withProgress(
  "lstm_lm: perplexity",
  (onProgress) => perplexity(tokens, STEPS, (done) => onProgress(done, tokens.length)),
);

const held = [correct === LSTM_CORRECT, Math.abs(found - TEST_PERPLEXITY) <= PERPLEXITY_ROUNDING];
printTable("Recurrent networks in float", {
  columns: [{ title: "network" }, { title: "measure" }, numeric("found"), numeric("stated"), { title: "" }],
  rows: [
    ["lstm", `right of ${images.count} images`, String(correct), String(LSTM_CORRECT), barCell(held[0])],
    ["lstm_lm", `perplexity, ${tokens.length} tokens`, found.toFixed(3), String(TEST_PERPLEXITY), barCell(held[1])],
  ],
});
conclude(held);
