import assert from "node:assert/strict";
import { compileFloat, type FloatOptions } from "../../../lib/float/engine.ts";
import type { FloatBackend } from "../../../lib/float/float_backend.ts";
import { separatePlaces, sharedPlaces } from "../../../lib/float/value_memory.ts";
import { quantizedVariant } from "../../../lib/float/quantized_variant.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { runGraph } from "../../run_graph.ts";
import { floats, info, ints, model, node, ramp, smallNetwork } from "../onnx/sample_model.ts";

const BACKENDS: readonly FloatBackend[] = nativeStatus().isAvailable ? ["wasm", "native"] : ["wasm"];

const small = canonicalize(importModel(model(smallNetwork()), { where: "small.onnx" }).graph);

function imageOf(graph: Graph, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: sizeOf(graph.values.get(graph.inputs[0])!.shape) }, () => random.normal());
}

function assertClose(found: Float32Array, expected: Float32Array): void {
  const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  found.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= 1e-5 * scale, `element ${i}: ${v} ${expected[i]}`));
}

Deno.test("generated code gives what the operators define, image after image", async () => {
  const graphs = [small];
  for (const name of ["resnet20", "mobile", "inception"]) {
    const bytes = await Deno.readFile(new URL(`../../../testdata/models/${name}.onnx`, import.meta.url));
    graphs.push(canonicalize(importModel(bytes, { where: name }).graph));
  }
  for (const graph of graphs) {
    const engines = BACKENDS.flatMap((backend) =>
      [true, false].map((keepsValues) => compileFloat(graph, undefined, { backend, keepsValues }))
    );
    for (const seed of [1, 2]) {
      const [found, ...others] = engines.map((engine) => engine.run(imageOf(graph, seed)));
      assertClose(found, runGraph(graph, imageOf(graph, seed)));
      for (const other of others) assert.deepEqual(other, found);
    }
  }
});

Deno.test("the tap sees the input and every computed value once", () => {
  const seen: string[] = [];
  compileFloat(small).run(imageOf(small, 1), (name) => seen.push(name));
  assert.deepEqual(seen, [small.inputs[0], ...small.nodes.flatMap((node) => node.outputs)]);
});

Deno.test("values that share memory are those of a run that keeps them, as long as they are needed", () => {
  const image = imageOf(small, 1);
  const kept = new Map<string, Float32Array>();
  const keeping = compileFloat(small);
  const output = keeping.run(image, (name, data) => kept.set(name, data));
  const sharing = compileFloat(small, undefined, { keepsValues: false });
  assert.deepEqual(sharing.run(image, (name, data) => assert.deepEqual(data, kept.get(name), name)), output);
  assert.deepEqual(sharing.read(small.outputs[0]), output);
  assert.throws(() => sharing.rerunAll([]), RangeError);
  assert(sharedPlaces(small).arenaBytes < separatePlaces(small).arenaBytes);
});

Deno.test("a rerun changes what depends on it, and the next rerun starts from the clean run", () => {
  const [first, last] = layersOf(small);
  const variants = new Map(
    [first, last].map((layer) => {
      const variant = quantizedVariant(layer, { bits: 2, perChannel: true, method: "max-abs" }, undefined);
      return [layer.name, new Map([["2", variant]])];
    }),
  );
  const image = imageOf(small, 3);
  const changedBy = (options: FloatOptions): Float32Array => {
    const engine = compileFloat(small, variants, options);
    const clean = engine.run(image);
    const changed = engine.rerun({ layer: first.name, weights: "2" });
    assert.notDeepEqual(changed, clean);
    assert.deepEqual(engine.rerunAll([]), clean);
    const both = engine.rerunAll([{ layer: first.name, weights: "2" }, { layer: last.name, weights: "2" }]);
    assert.notDeepEqual(both, changed);
    assert.deepEqual(engine.rerun({ layer: first.name, weights: "2" }), changed);
    assert.throws(() => engine.rerun({ layer: first.name, weights: "3" }), RangeError);
    return changed;
  };
  const [expected, ...others] = BACKENDS.map((backend) => changedBy({ backend }));
  for (const other of others) assert.deepEqual(other, expected);
});

Deno.test("rewriting a layer's input is private to it, rewriting a value is seen by all its readers", () => {
  const engine = compileFloat(small);
  const image = imageOf(small, 4);
  const clean = engine.run(image);
  const [first] = layersOf(small);
  const doubled = (data: Float32Array): void => data.forEach((v, i) => data[i] = 2 * v);
  const asInput = engine.rerun({ layer: first.name, input: doubled });
  const asValue = engine.rerunAll([], new Map([[small.inputs[0], doubled]]));
  assert.deepEqual(asInput, asValue);
  assert.deepEqual(asValue, engine.run(image.map((v) => 2 * v)));
  assert.notDeepEqual(asValue, clean);
});

Deno.test("a recurrence is a layer: other weights, and a state that is rewritten after every step", () => {
  const graphOf = (scale: number): Graph => {
    const r = Array.from({ length: 16 }, (_, i) => scale * (i % 5 - 2));
    const bytes = model({
      input: [info("x", [1, 4, 3])],
      output: [info("cn", [1, 1, 2])],
      initializer: [ramp("w", [1, 8, 3]), floats("r", [1, 8, 2], r), ramp("b", [1, 16])],
      node: [
        node("Transpose", "x", "t", [ints("perm", [1, 0, 2])]),
        node("LSTM", "t w r b", "- - cn", [], "memory"),
      ],
    });
    return canonicalize(importModel(bytes, { where: "lstm.onnx" }).graph);
  };
  const graph = graphOf(0.5);
  const layers = layersOf(graph);
  assert.deepEqual(layers.map(({ name, input }) => [name, input]), [["memory.W", "t"], ["memory", "memory.Y"]]);
  const bias = Float32Array.from({ length: 8 }, (_, i) => i / 8);
  const variants = new Map([
    ["double", { weights: layers[1].weight.data.map((v) => 2 * v) }],
    ["none", { weights: new Float32Array(16) }],
    ["biased", { weights: layers[1].weight.data, bias }],
  ]);
  const engine = compileFloat(graph, new Map([["memory", variants]]));
  const image = imageOf(graph, 3);
  const own = engine.run(image);
  assert.deepEqual(engine.rerun({ layer: "memory", weights: "double" }), compileFloat(graphOf(1)).run(image));
  const cleared = engine.rerun({ layer: "memory", input: (state) => state.fill(0) });
  assert.deepEqual(cleared, engine.rerun({ layer: "memory", weights: "none" }));
  assert.notDeepEqual(engine.rerun({ layer: "memory", weights: "biased" }), own);
  assert.deepEqual(engine.rerun({ layer: "memory", input: () => {} }).length, own.length);
});
