import { inputError } from "../format/error.ts";
import { importOf, supportedTypes } from "../ops/mod.ts";
import type { OnnxImport } from "../ops/operator.ts";
import { attributeProblems } from "./attributes.ts";
import { ATTRIBUTE_TYPES, type GraphProto, type ModelProto, type NodeProto } from "./messages.ts";
import { exactInteger } from "./schema.ts";

/** Opsets of the default domain whose operators this program knows. */
const MIN_OPSET = 9;
const MAX_OPSET = 21;

/** A node of the file that the outputs depend on, with a unique name and the operator that imports it. */
export interface CheckedNode {
  readonly name: string;
  readonly proto: NodeProto;
  readonly onnx: OnnxImport;
}

export interface CheckedModel {
  readonly graph: GraphProto;
  readonly opset: number;
  /** In the order of the file, which is topological. */
  readonly nodes: readonly CheckedNode[];
}

/**
 * What can be said about a model before any shape is known. Nodes that no output depends on are left out.
 * @throws DyadError on an opset, a construct or an order of nodes that is not supported, and one for all unsupported
 * operators and attributes together.
 */
export function checkModel(model: ModelProto): CheckedModel {
  const graph = model.graph!;
  const opset = opsetOf(model);
  if (model.functions.length > 0) {
    const names = model.functions.map(({ name }) => name).join(", ");
    throw inputError(`the model defines functions (${names}); inline them first (onnx.inliner)`);
  }
  if (graph.sparseInitializer.length > 0) {
    const names = graph.sparseInitializer.map(({ values }) => values?.name ?? "without a name").join(", ");
    throw inputError(`sparse initializers (${names}) are not supported; store them as dense tensors`);
  }
  if (graph.output.length === 0) throw inputError("the graph has no outputs");
  const names = nodeNames(graph);
  checkOrder(graph, names);
  const live = liveNodes(graph);
  const problems: string[] = [];
  const unknown = new Map<string, string[]>();
  const nodes = graph.node.flatMap((proto, i) => {
    if (!live.has(proto)) return [];
    const name = names[i];
    const onnx = isDefaultDomain(proto.domain) ? importOf(proto.opType ?? "") : undefined;
    if (onnx === undefined) {
      const type = isDefaultDomain(proto.domain) ? proto.opType ?? "" : `${proto.domain}.${proto.opType}`;
      unknown.set(type, [...unknown.get(type) ?? [], name]);
      return [];
    }
    for (const problem of attributeProblems(proto, onnx.attributes, opset)) {
      problems.push(`node ${name} (${onnx.type}): ${problem}`);
    }
    problems.push(...outputProblems(graph, proto, onnx).map((problem) => `node ${name} (${onnx.type}): ${problem}`));
    return [{ name, proto, onnx }];
  });
  if (unknown.size > 0 || problems.length > 0) throw unsupported(graph, unknown, problems);
  return { graph, opset, nodes };
}

function opsetOf(model: ModelProto): number {
  const found = model.opsetImport.filter(({ domain }) => isDefaultDomain(domain));
  if (found.length === 0) throw inputError("the model imports no opset of the default domain ai.onnx");
  const opset = exactInteger(found[0].version ?? 0n, "the opset");
  if (opset < MIN_OPSET || opset > MAX_OPSET) {
    throw inputError(
      `the model uses opset ${opset}, expected ${MIN_OPSET} to ${MAX_OPSET}; export it with another opset_version ` +
        `or convert it (onnx.version_converter)`,
    );
  }
  return opset;
}

function isDefaultDomain(domain: string | undefined): boolean {
  return domain === undefined || domain === "" || domain === "ai.onnx";
}

/** A unique name for every node: its own, or the type and the place in the file where it has none. */
function nodeNames(graph: GraphProto): string[] {
  const own = new Set(graph.node.map(({ name }) => name ?? ""));
  const used = new Set<string>();
  return graph.node.map((node, i) => {
    const wanted = node.name || `${node.opType ?? "node"}_${i}`;
    const free = (name: string): boolean => !used.has(name) && (name === node.name || !own.has(name));
    let name = wanted;
    for (let n = 2; !free(name); n++) name = `${wanted}_${n}`;
    used.add(name);
    return name;
  });
}

function checkOrder(graph: GraphProto, names: readonly string[]): void {
  const producer = new Map(graph.node.flatMap(({ output }, i) => output.map((name) => [name, names[i]] as const)));
  const initializers = new Set<string>();
  for (const { name = "" } of graph.initializer) {
    if (name === "") throw inputError("an initializer has no name");
    if (initializers.has(name)) throw inputError(`two initializers are named ${JSON.stringify(name)}`);
    initializers.add(name);
  }
  const defined = new Set([...graph.input.map(({ name }) => name ?? ""), ...initializers]);
  graph.node.forEach((node, i) => {
    for (const input of node.input) {
      if (input === "" || defined.has(input)) continue;
      const later = producer.get(input);
      throw inputError(
        later === undefined
          ? `node ${names[i]} reads ${JSON.stringify(input)}, which nothing in the graph defines`
          : `node ${names[i]} reads ${JSON.stringify(input)}, which node ${later} computes only later; ` +
            `expected nodes in topological order`,
      );
    }
    for (const output of node.output) {
      if (output === "") continue;
      if (defined.has(output)) {
        throw inputError(`${JSON.stringify(output)} is defined twice, again by node ${names[i]}`);
      }
      defined.add(output);
    }
  });
  for (const { name = "" } of graph.output) {
    if (!defined.has(name)) throw inputError(`nothing computes the graph output ${JSON.stringify(name)}`);
  }
}

/** Nodes that a graph output depends on. */
function liveNodes(graph: GraphProto): Set<NodeProto> {
  const needed = new Set(graph.output.map(({ name }) => name ?? ""));
  const live = new Set<NodeProto>();
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => name !== "" && needed.has(name))) continue;
    live.add(node);
    for (const input of node.input) needed.add(input);
  }
  return live;
}

function outputProblems(graph: GraphProto, node: NodeProto, onnx: OnnxImport): string[] {
  const supported = onnx.outputs ?? 1;
  const extra = new Set(node.output.slice(supported).filter((name) => name !== ""));
  if (extra.size === 0) return [];
  const read = new Set([...graph.node.flatMap(({ input }) => input), ...graph.output.map(({ name }) => name ?? "")]);
  return [...extra].filter((name) => read.has(name)).map((name) =>
    `output ${JSON.stringify(name)} is used, but only the first ${
      supported === 1 ? "output" : `${supported} outputs`
    } ` +
    `of this operator can be`
  );
}

function unsupported(graph: GraphProto, unknown: ReadonlyMap<string, readonly string[]>, problems: string[]): Error {
  const lines = [
    ...[...unknown].map(([type, names]) =>
      `operator ${type || "without a type"} is not supported (node${names.length > 1 ? "s" : ""} ${names.join(", ")})`
    ),
    ...problems,
  ];
  const hints: string[] = [];
  const types = [...unknown.keys()];
  if (types.some((type) => /quantizeLinear$|^QLinear|Integer$/i.test(type))) {
    hints.push("the model is quantized already: give the float model that it was made from");
  }
  const withSubgraph = graph.node.some(({ opType = "", attribute }) =>
    unknown.has(opType) && attribute.some(({ type = 0 }) => ATTRIBUTE_TYPES[type]?.startsWith("graph"))
  );
  if (withSubgraph) hints.push("control flow with subgraphs has no static graph: export the model by tracing");
  if (unknown.size > 0) hints.push(`supported operators: ${supportedTypes().join(", ")}`);
  const hint = hints.map((line) => `\n${line}`).join("");
  return inputError(`the model cannot be imported:${lines.map((line) => `\n  ${line}`).join("")}${hint}`);
}
