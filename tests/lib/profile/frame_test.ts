import assert from "node:assert/strict";
import type { LatencyParts } from "../../../lib/format/latency.ts";
import { parseCandidateName } from "../../../lib/format/plan.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { latencyFrame } from "../../../lib/profile/frame.ts";
import { syntheticCalibration } from "../../../lib/profile/synthetic_calibration.ts";
import { type TimedEngine, timedNetwork } from "../../../lib/profile/timed_network.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { createEngine } from "../../../lib/runtime/engine.ts";
import { canonicalGraph, TINY } from "../sensitivity/tiny_network.ts";

const GRAPH = canonicalGraph(TINY);
const LAYERS = layersOf(GRAPH).map(({ name }) => name);

function timed(bits: (layer: string) => string, graph: Graph = GRAPH): TimedEngine {
  const layers = new Map(layersOf(graph).map(({ name }) => [name, parseCandidateName(bits(name))!]));
  const network = quantizeGraph(graph, syntheticCalibration(graph, 1), { layers });
  return timedNetwork(createEngine(network, "wasm"), new Uint8Array(2 * 6 * 6));
}

const uniform = (name: string) => ({ bits: parseCandidateName(name)!, timed: timed(() => name) });

/** How often each key counts in all. */
function total(parts: readonly LatencyParts[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [key, share] of parts.flatMap((each) => Object.entries(each))) sums[key] = (sums[key] ?? 0) + share;
  return Object.fromEntries(Object.entries(sums).map(([key, sum]) => [key, Math.round(1e9 * sum) / 1e9]));
}

function counted(keys: readonly string[]): Record<string, number> {
  return total(keys.map((key) => ({ [key]: 1 })));
}

Deno.test("layers and what is outside them add up to every unit of a candidate's network", () => {
  const networks = ["8/8", "4/8", "8/4", "3/3"].map(uniform);
  const frame = latencyFrame({ machine: {}, layers: LAYERS, uniform: networks, compared: [] });
  networks.forEach(({ timed: { units } }, c) => {
    const parts = [...frame.layers.map(({ candidates }) => candidates[c].parts), frame.overhead[c].parts];
    assert.deepEqual(total(parts), counted(units));
  });
});

Deno.test("a requantized value is shared by the layers that read it", () => {
  const partsOf = (graph: Graph, bits: Record<string, string>, layer: string) => {
    const network = { bits: parseCandidateName("8/8")!, timed: timed((name) => bits[name] ?? "8/8", graph) };
    const layers = layersOf(graph).map(({ name }) => name);
    const frame = latencyFrame({ machine: {}, layers, uniform: [network], compared: [] });
    const [{ parts }] = frame.layers.find(({ name }) => name === layer)!.candidates;
    return Object.entries(parts).map(([key, share]) => [key.split(" ")[1], share]);
  };
  // first and shortcut read r0, which is stored at the wider of what they take.
  assert.deepEqual(partsOf(GRAPH, { first: "4/4" }, "first"), [["concat", 1], ["convolution", 1]]);
  assert.deepEqual(partsOf(GRAPH, { first: "4/4" }, "shortcut"), [["convolution", 1]]);
  // A third reader takes it as it is, and the two share what makes it narrower.
  const third = canonicalGraph({
    ...TINY,
    node: [
      ...TINY.node!.slice(0, 6),
      { ...TINY.node![5], output: ["c5"], name: "third" },
      { ...TINY.node![6], input: ["c3", "c5"], output: ["c4"] },
      { ...TINY.node![6], input: ["c2", "c4"] },
      ...TINY.node!.slice(7),
    ],
  });
  const bits = { first: "4/4", shortcut: "4/4" };
  for (const layer of ["first", "shortcut"]) {
    assert.deepEqual(partsOf(third, bits, layer), [["concat", 0.5], ["convolution", 1]]);
  }
  assert.deepEqual(partsOf(third, bits, "third"), [["convolution", 1]]);
});

Deno.test("the requantized input is the first layer's, the pool's input nobody's; equal layers share a key", () => {
  const { layers, overhead, keys } = latencyFrame({
    machine: {},
    layers: LAYERS,
    uniform: [uniform("8/8"), uniform("4/8"), uniform("4/4")],
    compared: [],
  });
  const [at8, weightsAt4, at4] = layers[0].candidates.map(({ parts }) => Object.keys(parts));
  assert.equal(weightsAt4.length, at8.length);
  assert.notDeepEqual(weightsAt4, at8, "weights of few bits have kernels of their own");
  assert.equal(at4.length, at8.length + 1);
  assert.match(at4[0], / concat 1x\(72 u8\) > u8 /);
  const outside = Object.keys(overhead[0].parts).map((key) => key.split(" ").slice(0, 2).join(" "));
  assert.ok(outside.includes("input 1x2x6x6") && outside.includes("output 1x4"), outside.join());
  assert.ok(outside.some((key) => key.endsWith(" average_pool")));
  const sums = layers.filter(({ candidates }) =>
    Object.keys(candidates[0].parts).some((key) => key.includes(" + sum "))
  );
  assert.equal(sums.length, 1, "a residual sum is the layer's that it takes in");
  assert.equal(new Set(keys).size, keys.length);
});

Deno.test("networks of the same code are one measurement, networks of other code are not", () => {
  const networks = ["8/8", "4/4"].map(uniform);
  const mixed = timed((layer) => layer === "second" ? "4/4" : "8/8");
  const layerBits = LAYERS.map((name) => parseCandidateName(name === "second" ? "4/4" : "8/8")!);
  const frame = latencyFrame({
    machine: { os: "any" },
    layers: LAYERS,
    uniform: networks,
    compared: [
      { name: "again", bits: LAYERS.map(() => networks[0].bits), timed: uniform("8/8").timed },
      { name: "mixed", bits: layerBits, timed: mixed },
    ],
  });
  const [first, other, again, third] = frame.networks.map(({ key }) => key);
  assert.equal(again, first);
  assert.equal(new Set([first, other, third]).size, 3);
  assert.deepEqual(frame.networks[3].bits, LAYERS.map((name) => name === "second" ? "4/4" : "8/8"));
  assert.deepEqual(frame.keys.slice(-3), [first, other, third]);
  assert.deepEqual(frame.machine, { os: "any" });
});
