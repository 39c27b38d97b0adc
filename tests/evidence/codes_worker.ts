import { parentPort } from "node:worker_threads";
import { codedGraph, type Coding } from "./coded_networks.ts";
import { languageModel, perplexity, testTokens } from "./sequence_networks.ts";

/** The perplexity of the language model on the first `tokens` of the test split; without `coding` in float. */
export interface PerplexityTask {
  readonly coding?: Coding;
  readonly tokens: number;
}

/** Tokens in one run of the graph. */
const STEPS = 100;

parentPort!.on("message", ({ coding, tokens }: PerplexityTask) => {
  const model = (steps: number) => coding ? codedGraph(languageModel(steps), coding) : languageModel(steps);
  parentPort!.postMessage(perplexity(testTokens(tokens), STEPS, undefined, model));
});
