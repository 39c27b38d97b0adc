import assert from "node:assert/strict";
import { importModel } from "../../../lib/onnx/import.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { syntheticCalibration } from "../../../lib/profile/synthetic_calibration.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { SAMPLE_NETWORKS } from "../../contracts/sample_networks.ts";
import { info, INT64, model, node } from "../onnx/sample_model.ts";
import { canonicalGraph, TINY, weights } from "../sensitivity/tiny_network.ts";

for (const [name, { input, output, constants, nodes, opset }] of Object.entries(SAMPLE_NETWORKS)) {
  Deno.test(`ranges of random inputs make networks of any bits: ${name}`, () => {
    const proto = {
      input: [info("x", ["N", ...input])],
      output: [info("y", ["N", ...output])],
      initializer: [...constants],
      node: [...nodes],
    };
    const graph = canonicalize(importModel(model(proto, { opset }), { where: name }).graph);
    const calibration = syntheticCalibration(graph, 1);
    for (const bits of [8, 2]) {
      const layers = new Map(layersOf(graph).map((layer) => [layer.name, { weightBits: bits, activationBits: bits }]));
      assert.ok(quantizeGraph(graph, calibration, { layers }).steps.length > 0);
    }
  });
}

Deno.test("equal seeds give equal ranges, others others; every value has one that holds 0", () => {
  const graph = canonicalGraph(TINY);
  const first = syntheticCalibration(graph, 1);
  assert.deepEqual(syntheticCalibration(graph, 1), first);
  assert.notDeepEqual(syntheticCalibration(graph, 2), first);
  const names = new Set(first.tensors.map(({ name }) => name));
  for (const value of [graph.inputs[0], ...graph.nodes.flatMap(({ outputs }) => outputs)]) assert.ok(names.has(value));
  for (const { ranges } of first.tensors) {
    const { min, max } = ranges["min-max"].any;
    assert.ok(min <= 0 && 0 <= max && min < max);
  }
});

Deno.test("values that are dead or overflow get a range all the same", () => {
  const constant = (name: string, dims: readonly number[], value: number) => {
    const proto = weights(name, dims, 1);
    return { ...proto, rawData: new Uint8Array(new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(value).buffer) };
  };
  for (const value of [0, 3e38]) {
    const graph = canonicalGraph({
      ...TINY,
      initializer: [constant("w0", [4, 2, 3, 3], value), ...TINY.initializer!.slice(1)],
    });
    for (const { ranges } of syntheticCalibration(graph, 1).tensors) {
      const { min, max } = ranges["min-max"].any;
      assert.ok(Number.isFinite(min) && Number.isFinite(max) && max > min);
    }
  }
});

Deno.test("images are taken as pixels, other inputs as numbers", () => {
  const graph = canonicalGraph(TINY);
  assert.equal(syntheticCalibration(graph, 1).preprocess?.channels, 2);
  const flat = canonicalGraph({
    input: [info("x", ["N", 6])],
    output: [info("y", ["N", 4])],
    initializer: TINY.initializer!.slice(-2),
    node: [{ ...TINY.node!.at(-1)!, input: ["x", "w4", "b4"] }],
  });
  assert.equal(syntheticCalibration(flat, 1).preprocess, undefined);
});

Deno.test("a sequence model gets tokens that it has, and ranges of its states", () => {
  const bytes = model({
    input: [info("ids", ["T", "N"], INT64), info("h0", [1, "N", 2]), info("c0", [1, "N", 2])],
    output: [info("y", ["T", 1, "N", 2]), info("hn", [1, "N", 2]), info("cn", [1, "N", 2])],
    initializer: [weights("table", [5, 3], 1), weights("w", [1, 8, 3], 2), weights("r", [1, 8, 2], 3)],
    node: [node("Gather", "table ids", "e"), node("LSTM", "e w r - - h0 c0", "y hn cn", [], "memory")],
  });
  const graph = canonicalize(importModel(bytes, { where: "lm", inputShapes: { ids: [4, 1] } }).graph);
  const layers = new Map(layersOf(graph).map(({ name }) => [name, { weightBits: 8, activationBits: 8 }]));
  const { tensors, states } = quantizeGraph(graph, syntheticCalibration(graph, 1), { layers });
  assert.equal(states!.length, 2);
  assert.equal(tensors.get("ids")!.high, 4);
});
