import { type Graph, readersOf } from "../ir/graph.ts";
import { type Layer, layersOf } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";

/**
 * The shortcut convolutions of a network and the layer that each is added to, by name. An Add of the results of two
 * layers, each read by nothing else, joins a main branch and a shortcut: the branch with fewer layers between the
 * network's input and the sum is the shortcut, of equally long ones that with the smaller kernel. Branches that are
 * alike in both have no shortcut.
 */
export function shortcutsOf(graph: Graph): Map<string, string> {
  const layers = new Map(layersOf(graph).map((layer) => [layer.node.outputs[0], layer]));
  const readers = readersOf(graph);
  const depths = layersBefore(graph, layers);
  const isShorter = (a: Layer, b: Layer): boolean => {
    const [depthA, depthB] = [a, b].map(({ node }) => depths.get(node.outputs[0])!);
    return depthA < depthB || (depthA === depthB && tapsOf(a) < tapsOf(b));
  };
  const shortcuts = new Map<string, string>();
  for (const node of graph.nodes) {
    if (operatorOf(node.op).quantization !== "summing") continue;
    const branches = [...new Set(node.inputs)].flatMap((name) => {
      const layer = layers.get(name);
      const isReadOnce = readers.get(name)!.length === 1 && !graph.outputs.includes(name);
      return layer !== undefined && isReadOnce ? [layer] : [];
    });
    if (branches.length < 2) continue;
    const main = branches.reduce((longest, layer) => isShorter(longest, layer) ? layer : longest);
    for (const layer of branches) if (isShorter(layer, main)) shortcuts.set(layer.name, main.name);
  }
  return shortcuts;
}

/** For every computed value, the number of layers on the longest way to it. */
function layersBefore(graph: Graph, layers: ReadonlyMap<string, Layer>): Map<string, number> {
  const depths = new Map<string, number>();
  for (const { inputs, outputs } of graph.nodes) {
    const before = inputs.reduce((most, name) => Math.max(most, depths.get(name) ?? 0), 0);
    for (const name of outputs) depths.set(name, before + (layers.has(name) ? 1 : 0));
  }
  return depths;
}

/** Weights per pair of input and output channel. */
function tapsOf({ weight }: Layer): number {
  return weight.shape.slice(2).reduce((a, b) => a * b, 1);
}
