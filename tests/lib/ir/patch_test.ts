import assert from "node:assert/strict";
import { checkGraph } from "../../../lib/ir/check.ts";
import { dumpGraph } from "../../../lib/ir/dump.ts";
import { type Graph, type Node, producersOf, readersOf, type Value } from "../../../lib/ir/graph.ts";
import { applyPatch, prune } from "../../../lib/ir/patch.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";

const value = (name: string): Value => ({ name, dtype: "f32", shape: [1, 2] });
const constant = (name: string): Value => ({ ...value(name), constant: tensor("f32", [1, 2], Float32Array.of(1, 2)) });

/** `op(inputs) -> output`, named after its output. */
function node(op: string, inputs: string, output: string): Node {
  return { name: output, op, inputs: inputs.split(" "), outputs: [output], attributes: {} };
}

function graphOf(nodes: readonly Node[], outputs: readonly string[], constants: readonly string[] = []): Graph {
  const values = [value("x"), ...nodes.map(({ outputs: [name] }) => value(name)), ...constants.map(constant)];
  return { name: "g", inputs: ["x"], outputs, nodes, values: new Map(values.map((v) => [v.name, v])) };
}

/** x -> a -> b -> y, and a -> c -> y. */
const [a, b, c, y] = [node("A", "x w", "a"), node("B", "a", "b"), node("C", "a v", "c"), node("Y", "b c", "y")];
const DIAMOND = graphOf([a, b, c, y], ["y"], ["w", "v"]);

const ops = ({ nodes }: Graph): string =>
  nodes.map(({ op, inputs, outputs }) => `${outputs}=${op}(${inputs})`).join(" ");

Deno.test("readers are moved, and what nothing reads any more goes, constants too", () => {
  const patched = applyPatch(DIAMOND, { remove: [c], redirect: new Map([["c", "b"]]) });
  assert.equal(ops(patched), "a=A(x,w) b=B(a) y=Y(b,b)");
  assert.deepEqual([...patched.values.keys()].sort(), ["a", "b", "w", "x", "y"]);
});

Deno.test("the graph that is patched stays as it was", () => {
  const before = dumpGraph(DIAMOND);
  applyPatch(DIAMOND, { remove: [b, c], redirect: new Map([["b", "a"], ["c", "a"]]) });
  assert.equal(dumpGraph(DIAMOND), before);
});

Deno.test("added nodes stand where the last removed one stood, or later where what they read demands it", () => {
  const d = { ...node("D", "a", "d") };
  const patched = applyPatch(DIAMOND, { remove: [b], add: [d], values: [value("d")], redirect: new Map([["b", "d"]]) });
  assert.equal(ops(patched), "a=A(x,w) d=D(a) c=C(a,v) y=Y(d,c)");
  const late = node("B", "c", "b");
  assert.equal(ops(applyPatch(DIAMOND, { remove: [b], add: [late] })), "a=A(x,w) c=C(a,v) b=B(c) y=Y(b,c)");
});

Deno.test("chains of redirections are followed", () => {
  const patched = applyPatch(DIAMOND, { remove: [b, c], redirect: new Map([["c", "b"], ["b", "a"]]) });
  assert.equal(ops(patched), "a=A(x,w) y=Y(a,a)");
});

Deno.test("a graph output keeps its public name: the value that replaces it takes the name over", () => {
  const patched = applyPatch(DIAMOND, { remove: [y], redirect: new Map([["y", "a"]]) });
  assert.equal(ops(patched), "y=A(x,w)");
  assert.deepEqual(patched.outputs, ["y"]);
  const shared = graphOf([a, node("I", "a", "i"), node("C", "a v", "c")], ["i", "c"], ["w", "v"]);
  const renamed = applyPatch(shared, { remove: [shared.nodes[1]], redirect: new Map([["i", "a"]]) });
  assert.equal(ops(renamed), "i=A(x,w) c=C(i,v)");
});

Deno.test("what a patch breaks is found: a cycle, a reader left behind, a name used twice", () => {
  const cycle = { remove: [b], add: [node("B", "y", "b")] };
  assert.throws(() => applyPatch(DIAMOND, cycle), /cycle through node/);
  assert.throws(() => applyPatch(DIAMOND, { remove: [b] }), /node y reads b before anything defines it/);
  const twice = { add: [{ ...node("D", "a", "d"), name: "y" }], values: [value("d")], redirect: new Map([["b", "d"]]) };
  assert.throws(() => applyPatch(DIAMOND, twice), /two nodes are named y/);
});

Deno.test("pruning keeps graph inputs, and nodes of which one output is read", () => {
  const two: Node = { ...node("T", "x", "s"), outputs: ["s", "t"] };
  const graph = graphOf([two, node("D", "s", "dead"), node("Y", "t", "y")], ["y"]);
  const pruned = prune({ ...graph, values: new Map([...graph.values, ["t", value("t")]]) });
  assert.equal(ops(pruned), "s,t=T(x) y=Y(t)");
  const unread = prune({ ...graphOf([node("Y", "w", "y")], ["y"], ["w"]) });
  assert.ok(unread.values.has("x"));
});

Deno.test("readers are listed once each, producers by every output", () => {
  const graph = graphOf([a, node("S", "a a", "s")], ["s"], ["w"]);
  assert.deepEqual(readersOf(graph).get("a")!.map(({ op }) => op), ["S"]);
  assert.equal(producersOf(graph).get("s")!.op, "S");
  assert.equal(producersOf(graph).get("x"), undefined);
});

const ILLEGAL: Readonly<Record<string, readonly [Partial<Graph>, RegExp]>> = {
  "a value under another name": [{ values: new Map([...DIAMOND.values, ["b", value("z")]]) }, /value b calls itself z/],
  "an input that is a constant": [
    { values: new Map([...DIAMOND.values, ["x", constant("x")]]) },
    /input x is also a constant/,
  ],
  "a value without a type": [
    { values: new Map([...DIAMOND.values].filter(([name]) => name !== "c")) },
    /writes c, which has no type/,
  ],
  "a value that two nodes write": [
    { nodes: [a, { ...b, name: "again", outputs: ["a"] }, b, c, y] },
    /a is defined twice/,
  ],
  "an output that nothing computes": [{ nodes: [a, b, c] }, /nothing computes the graph output y/],
  "nodes out of order": [{ nodes: [b, a, c, y] }, /node b reads a before/],
};
for (const [what, [change, expected]] of Object.entries(ILLEGAL)) {
  Deno.test(`an illegal graph is found: ${what}`, () => {
    checkGraph(DIAMOND);
    assert.throws(() => checkGraph({ ...DIAMOND, ...change }), expected);
  });
}
