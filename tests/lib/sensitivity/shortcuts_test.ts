import assert from "node:assert/strict";
import { importModel } from "../../../lib/onnx/import.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { shortcutsOf } from "../../../lib/sensitivity/shortcuts.ts";
import { info, node } from "../onnx/sample_model.ts";
import { canonicalGraph, TINY, weights } from "./tiny_network.ts";

/** x [N, 2, 4, 4] -> the nodes, over 2x2 channel weights p (1x1), q (1x1), c (3x3, to be padded) -> y. */
function shortcutsOfNodes(...nodes: ReturnType<typeof node>[]): Record<string, string> {
  const graph = canonicalGraph({
    input: [info("x", ["N", 2, 4, 4])],
    output: [info("y", ["N", 2, 4, 4])],
    initializer: [weights("p", [2, 2, 1, 1], 1), weights("q", [2, 2, 1, 1], 2), weights("c", [2, 2, 3, 3], 3)],
    node: nodes,
  });
  return Object.fromEntries(shortcutsOf(graph));
}

const point = (input: string, output: string, name: string) => node("Conv", `${input} p`, output, [], name);
const wide = (input: string, output: string, name: string) =>
  node("Conv", `${input} c`, output, [{ name: "auto_pad", type: 3, s: new TextEncoder().encode("SAME_UPPER") }], name);

Deno.test("a projection shortcut is tied to the layer it is added to, and an identity shortcut ties nothing", () => {
  assert.deepEqual(Object.fromEntries(shortcutsOf(canonicalGraph(TINY))), { shortcut: "second" });
});

Deno.test("resnet20 has its two shortcuts; the stem, which an addition also reads, is none", () => {
  const bytes = Deno.readFileSync(new URL("../../../testdata/models/resnet20.onnx", import.meta.url));
  const graph = canonicalize(importModel(bytes, { where: "resnet20.onnx" }).graph);
  assert.deepEqual(Object.fromEntries(shortcutsOf(graph)), {
    "/layers/layers.3/down/down.0/Conv": "/layers/layers.3/conv2/Conv",
    "/layers/layers.6/down/down.0/Conv": "/layers/layers.6/conv2/Conv",
  });
});

Deno.test("the branch with fewer layers is the shortcut, whatever its kernel and its place in the sum", () => {
  const nodes = [wide("x", "a", "short"), point("x", "b", "one"), point("b", "d", "two")];
  assert.deepEqual(shortcutsOfNodes(...nodes, node("Add", "a d", "y")), { short: "two" });
  assert.deepEqual(shortcutsOfNodes(...nodes, node("Add", "d a", "y")), { short: "two" });
});

Deno.test("of equally long branches the smaller kernel is the shortcut, and equal kernels have none", () => {
  assert.deepEqual(
    shortcutsOfNodes(point("x", "a", "small"), wide("x", "b", "large"), node("Add", "a b", "y")),
    { small: "large" },
  );
  assert.deepEqual(
    shortcutsOfNodes(point("x", "a", "one"), node("Conv", "x q", "b", [], "other"), node("Add", "a b", "y")),
    {},
  );
});

Deno.test("a layer with another reader is not a shortcut, and of a sum of three all shorter branches are", () => {
  assert.deepEqual(
    shortcutsOfNodes(point("x", "a", "stem"), wide("a", "b", "main"), node("Add", "a b", "y")),
    {},
  );
  assert.deepEqual(
    shortcutsOfNodes(
      point("x", "a", "left"),
      node("Conv", "x q", "b", [], "right"),
      wide("x", "c1", "main"),
      node("Sum", "a b c1", "y"),
    ),
    { left: "main", right: "main" },
  );
});
