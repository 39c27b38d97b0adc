import { surpriseOf } from "../../lib/arith/perplexity.ts";
import { evaluateGraph } from "../../lib/float/evaluate.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { importModel } from "../../lib/onnx/import.ts";
import { canonicalize } from "../../lib/passes/mod.ts";
import { type FloatTensor, type Tensor, tensor } from "../../lib/tensor/tensor.ts";

const TESTDATA = new URL("../../testdata/", import.meta.url);

/** Hidden size, and the token before the first and after every verse. */
const HIDDEN = 300;
const END_OF_VERSE = 1;

/** The perplexity that testdata/README.md states of the language model on the test split. */
export const TEST_PERPLEXITY = 36.057;

/** Images right of 10,000 that testdata/README.md states of lstm.onnx. */
export const LSTM_CORRECT = 9011;

/** The canonical graph of the language model of testdata for `steps` tokens of one stream. */
export function languageModel(steps: number): Graph {
  const bytes = Deno.readFileSync(new URL("models/lstm_lm.onnx", TESTDATA));
  const inputShapes = { ids: [steps, 1] };
  return canonicalize(importModel(bytes, { where: "lstm_lm.onnx", inputShapes }).graph);
}

/** The tokens of the test split, or the first `limit` of them. */
export function testTokens(limit?: number): number[] {
  return tokensOf("test", limit);
}

/** The first tokens of the validation split. */
export function validationTokens(limit: number): number[] {
  return tokensOf("valid", limit);
}

function tokensOf(split: string, limit: number | undefined): number[] {
  const text = Deno.readTextFileSync(new URL(`data/lm/${split}.ids.txt`, TESTDATA));
  return text.trim().split(/\s+/).slice(0, limit).map(Number);
}

/** What the language model reads before each of `tokens`: the token before, first the end of a verse. */
export function contextOf(tokens: readonly number[]): number[] {
  return [END_OF_VERSE, ...tokens.slice(0, -1)];
}

/** Inputs of the language model for `context` (as many tokens as its graph has steps) after a state. */
export function modelInputs(context: readonly number[], h: Tensor, c: Tensor): Map<string, Tensor> {
  const ids = tensor("i64", [context.length, 1], BigInt64Array.from(context, BigInt));
  return new Map([["ids", ids], ["h0", h], ["c0", c]]);
}

export function zeroState(): FloatTensor {
  return tensor("f32", [1, 1, HIDDEN], new Float32Array(HIDDEN));
}

/**
 * exp of the mean of -ln p over the tokens as one stream, the state carried from the first to the last, `steps` of them at
 * a time. `model` gives the graph for a number of steps.
 */
export function perplexity(
  tokens: readonly number[],
  steps: number,
  onProgress?: (done: number) => void,
  model: (steps: number) => Graph = languageModel,
): number {
  const context = contextOf(tokens);
  const graphs = new Map<number, Graph>();
  let h: Tensor = zeroState();
  let c: Tensor = zeroState();
  let sum = 0;
  for (let first = 0; first < tokens.length; first += steps) {
    const count = Math.min(steps, tokens.length - first);
    const graph = graphs.get(count) ?? model(count);
    graphs.set(count, graph);
    const outputs = evaluateGraph(graph, modelInputs(context.slice(first, first + count), h, c));
    sum += surpriseOf((outputs.get("logits") as FloatTensor).data, tokens.slice(first, first + count));
    [h, c] = [outputs.get("hn")!, outputs.get("cn")!];
    onProgress?.(first + count);
  }
  return Math.exp(sum / tokens.length);
}
