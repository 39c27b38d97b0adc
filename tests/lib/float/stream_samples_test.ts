import assert from "node:assert/strict";
import { compileFloat } from "../../../lib/float/engine.ts";
import { evaluateGraph } from "../../../lib/float/evaluate.ts";
import { streamSamples } from "../../../lib/float/stream_samples.ts";
import { openEndsOf, statesOf } from "../../../lib/ops/states.ts";
import type { FloatTensor } from "../../../lib/tensor/tensor.ts";
import { languageModel, modelInputs, testTokens, zeroState } from "../../evidence/sequence_networks.ts";

const STEPS = 5;
const graph = languageModel(STEPS);

Deno.test("the states of a graph are the inputs and outputs of its recurrent layers, whatever their shape", () => {
  const [h, c] = statesOf(graph);
  assert.deepEqual([h, c].map(({ input, output }) => [input, output]), [["h0", "hn"], ["c0", "cn"]]);
  assert.deepEqual(openEndsOf(graph), { inputs: ["ids"], outputs: ["logits"] });
  assert.deepEqual(statesOf({ ...graph, outputs: ["logits", "cn"] }), [c]);
});

Deno.test("samples of a stream in any order are the model run on all of it, the state carried over", () => {
  const tokens = Int32Array.from(testTokens(3 * STEPS + 3));
  const { count, size, unused, sample, targets } = streamSamples(graph, tokens, "ids");
  assert.deepEqual([count, size, unused], [3, STEPS + 600, 2]);
  assert.deepEqual([...targets(2)], [...tokens.slice(2 * STEPS + 1, 3 * STEPS + 1)]);
  const whole = languageModel(3 * STEPS);
  const inputs = modelInputs([...tokens.slice(0, 3 * STEPS)], zeroState(), zeroState());
  const { data } = evaluateGraph(whole, inputs).get("logits") as FloatTensor;
  const engine = compileFloat(graph);
  for (const index of [2, 0, 1]) {
    const length = data.length / 3;
    const expected = data.subarray(index * length, (index + 1) * length);
    const found = engine.run(sample(index));
    assert.ok(found.every((value, i) => Math.abs(value - expected[i]) < 1e-4), `sample ${index}`);
    assert.notDeepEqual(found, engine.run(Float32Array.from(sample(index), (value, i) => i < STEPS ? value : 0.5)));
  }
});

Deno.test("a stream that fills no sample is refused, and samples that there are not", () => {
  assert.throws(() => streamSamples(graph, Int32Array.of(1, 2, 3, 4, 5), "ids.txt"), {
    kind: "input",
    message: "ids.txt: found 5 tokens, expected at least 6 for one sample of 5",
  });
  assert.throws(() => streamSamples(graph, new Int32Array(6), "ids").sample(1), RangeError);
});
