import assert from "node:assert/strict";
import { evaluateGraph } from "../../../lib/float/evaluate.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { type FloatTensor, tensor } from "../../../lib/tensor/tensor.ts";
import { contextOf, languageModel, modelInputs, testTokens, zeroState } from "../../evidence/sequence_networks.ts";
import { runGraph } from "../../run_graph.ts";
import { expectError } from "../format/expect_error.ts";

Deno.test("a language model in two parts, the state carried over, is the model in one", () => {
  const tokens = contextOf(testTokens(5));
  const whole = evaluateGraph(languageModel(5), modelInputs(tokens, zeroState(), zeroState()));
  assert.deepEqual([...whole.keys()], ["logits", "hn", "cn"]);
  const first = evaluateGraph(languageModel(3), modelInputs(tokens.slice(0, 3), zeroState(), zeroState()));
  const [h, c] = [first.get("hn")!, first.get("cn")!];
  const second = evaluateGraph(languageModel(2), modelInputs(tokens.slice(3), h, c));
  const logits = [first, second].flatMap((outputs) => [...(outputs.get("logits") as FloatTensor).data]);
  (whole.get("logits") as FloatTensor).data.forEach((v, i) =>
    assert.ok(Math.abs(v - logits[i]) <= 1e-4, `element ${i}: ${v} ${logits[i]}`)
  );
});

Deno.test("inputs that do not fit are errors that name them", () => {
  const graph = languageModel(2);
  const inputs = modelInputs([1, 2], zeroState(), zeroState());
  const without = new Map([...inputs].filter(([name]) => name !== "c0"));
  expectError("input", () => evaluateGraph(graph, without), "input c0 is missing; expected ids, h0, c0");
  const floats = new Map(inputs).set("ids", tensor("f32", [2, 1], Float32Array.of(1, 2)));
  expectError("input", () => evaluateGraph(graph, floats), "input ids is f32 [2,1], expected i64 [2,1]");
  const long = modelInputs([1, 2, 3], zeroState(), zeroState());
  expectError("input", () => evaluateGraph(graph, long), "input ids is i64 [3,1], expected i64 [2,1]");
  const unknown = modelInputs([1, 6000], zeroState(), zeroState());
  expectError("input", () => evaluateGraph(graph, unknown), "found the index 6000, expected -6000 to 5999");
});

Deno.test("the engine runs a recurrent network of one input as its operators define it", () => {
  const bytes = Deno.readFileSync(new URL("../../../testdata/models/lstm.onnx", import.meta.url));
  const graph = canonicalize(importModel(bytes, { where: "lstm.onnx" }).graph);
  const engine = compileFloat(graph);
  for (const seed of [1, 2]) {
    const random = seededRandom(seed);
    const image = Float32Array.from({ length: 28 * 28 }, () => random.normal());
    const expected = runGraph(graph, image);
    engine.run(image).forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= 1e-5, `${v} ${expected[i]}`));
  }
});
