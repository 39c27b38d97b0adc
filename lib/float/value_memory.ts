import { READ_SLACK } from "../../kernels/kernel.ts";
import { align } from "../../kernels/program.ts";
import { type Graph, type Value, valueOf } from "../ir/graph.ts";
import { type MemoryPlan, planMemory } from "../tensor/memory_plan.ts";
import { sizeOf } from "../tensor/shape.ts";

/** Places of the float32 elements of all values that are computed or given, side by side: each keeps its own. */
export function separatePlaces(graph: Graph): Pick<MemoryPlan, "offsets" | "arenaBytes"> {
  const offsets = new Map<string, number>();
  let arenaBytes = 0;
  for (const { name, shape } of activationsOf(graph)) {
    offsets.set(name, arenaBytes);
    arenaBytes += align(4 * sizeOf(shape) + READ_SLACK);
  }
  return { offsets, arenaBytes };
}

/** Places that values share as soon as nothing reads them; outputs of the graph keep theirs to the end. */
export function sharedPlaces(graph: Graph): MemoryPlan {
  const lastReader = new Map<string, number>();
  graph.nodes.forEach((node, i) => node.inputs.forEach((name) => lastReader.set(name, i)));
  for (const name of graph.outputs) lastReader.set(name, graph.nodes.length);
  const writer = new Map(graph.nodes.flatMap((node, i) => node.outputs.map((name) => [name, i])));
  return planMemory(
    activationsOf(graph).map(({ name, shape }) => {
      const first = writer.get(name) ?? 0;
      return { name, bytes: 4 * sizeOf(shape), first, last: lastReader.get(name) ?? first };
    }),
  );
}

function activationsOf(graph: Graph): Value[] {
  return [...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)].map((name) => valueOf(graph, name));
}
