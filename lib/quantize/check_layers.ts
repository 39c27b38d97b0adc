import { inputError } from "../format/error.ts";
import type { CandidateBits } from "../format/plan.ts";
import type { Graph } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";

/** @throws DyadError (input) for bits that are not given to exactly the graph's layers. */
export function checkLayers(graph: Graph, bits: ReadonlyMap<string, CandidateBits>): void {
  const names = layersOf(graph).map(({ name }) => name);
  const unknown = [...bits.keys()].filter((name) => !names.includes(name));
  const missing = names.filter((name) => !bits.has(name));
  if (unknown.length === 0 && missing.length === 0) return;
  const problems = [
    ...unknown.map((name) => `the plan names the layer "${name}", which the network does not have`),
    ...missing.map((name) => `the plan gives no bits to the layer "${name}"`),
  ];
  throw inputError(`${problems.join("\n")}\nexpected exactly the layers ${names.map((n) => `"${n}"`).join(", ")}`);
}
