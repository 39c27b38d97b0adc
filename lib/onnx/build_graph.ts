import { DyadError, inputError } from "../format/error.ts";
import type { Graph, Node, Value, ValueType } from "../ir/graph.ts";
import { foldConstant, MAX_CONSTANT_ELEMENTS } from "../ops/fold.ts";
import { operatorOf } from "../ops/mod.ts";
import type { ImportNode, NodeDraft, RawAttributes } from "../ops/operator.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CheckedModel, CheckedNode } from "./check_model.ts";

/** What a graph is built from: everything in the file that does not depend on the number of images. */
export interface GraphSource {
  readonly model: CheckedModel;
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** Attribute values, node by node. */
  readonly attributes: readonly RawAttributes[];
}

/**
 * The graph for inputs of the given types: every node translated by its operator, types inferred, and what depends on
 * constants only computed at once, so that no node of it remains.
 * @throws DyadError naming the node that cannot be translated or whose shape cannot be inferred.
 */
export function buildGraph(source: GraphSource, inputs: ReadonlyMap<string, ValueType>): Graph {
  const { graph: proto, nodes: sources, opset } = source.model;
  const values = new Map<string, Value>();
  for (const [name, type] of inputs) values.set(name, { name, ...type });
  for (const [name, constant] of source.initializers) values.set(name, constantValue(name, constant));
  const nodes: Node[] = [];
  const nodeNames = uniqueNames(sources.map(({ name }) => name));
  const valueNames = uniqueNames([
    ...values.keys(),
    ...proto.node.flatMap(({ input, output }) => [...input, ...output]),
  ]);

  sources.forEach((checked, index) => {
    const label = `node ${checked.name} (${checked.onnx.type})`;
    const node = importNode(checked, label, opset, source.attributes[index], values, valueNames);
    const drafts = naming(label, () => checked.onnx.translate(node));
    drafts.forEach((draft, i) => {
      const name = draft.name ?? (i === 0 ? checked.name : `${checked.name}.${draft.op}`);
      addDraft(label, { ...draft, name: name === checked.name ? name : nodeNames(name) });
    });
  });

  function addDraft(label: string, draft: NodeDraft & { name: string }): void {
    if (!draft.inputs[0]) throw inputError(`${label}: its first input is missing`);
    const { name, op, attributes } = draft;
    const node: Node = { name, op, attributes, inputs: trimAbsent(draft.inputs), outputs: draft.outputs };
    const operands = node.inputs.map((input) => input === "" ? undefined : values.get(input)!);
    const operator = operatorOf(op);
    const types = naming(label, () => operator.infer(node, operands));
    const computed = operands.some((operand) => operand !== undefined && operand.constant === undefined);
    types.forEach((type, i) => checkShape(label, node.outputs[i], type, computed ? 1 : 0));
    if (computed) {
      types.forEach((type, i) => values.set(node.outputs[i], { name: node.outputs[i], ...type }));
      nodes.push(node);
      return;
    }
    const size = Math.max(...types.map(({ shape }) => sizeOf(shape)));
    if (size > MAX_CONSTANT_ELEMENTS) {
      throw inputError(`${label}: computes a constant of ${size} elements, expected at most ${MAX_CONSTANT_ELEMENTS}`);
    }
    foldConstant(operator, node, operands, types).forEach((result, i) =>
      values.set(node.outputs[i], constantValue(node.outputs[i], result))
    );
  }

  const outputs = proto.output.map(({ name = "" }) => name);
  return { name: proto.name || "main", inputs: [...inputs.keys()], outputs, nodes, values };
}

function importNode(
  { name, proto, onnx }: CheckedNode,
  label: string,
  opset: number,
  attributes: RawAttributes,
  values: Map<string, Value>,
  fresh: (wanted: string) => string,
): ImportNode {
  const fail = (message: string): never => {
    throw inputError(`${label}: ${message}`);
  };
  const inputs = trimAbsent(proto.input);
  const node: ImportNode = {
    name,
    opset,
    attributes,
    inputs,
    outputs: proto.output.slice(0, onnx.outputs ?? 1),
    input(index) {
      if (inputs[index]) return values.get(inputs[index])!;
      return index === 0 ? fail("its first input is missing") : undefined;
    },
    constant(index, what) {
      const value = inputs[index] ? values.get(inputs[index])! : fail(`input ${index} (${what}) is missing`);
      return value.constant ??
        fail(`input ${index} (${what}), ${JSON.stringify(value.name)}, is computed at run time; expected a constant`);
    },
    addConstant(suffix, constant) {
      const added = fresh(`${name}.${suffix}`);
      values.set(added, constantValue(added, constant));
      return added;
    },
    temporary: (suffix) => fresh(`${name}.${suffix}`),
    fail,
  };
  return node;
}

/**
 * Runs a step of an operator on a node. Errors about the model that do not name the node get its label in front: those
 * of checks shared by operators, and the range errors with which lib/tensor answers impossible shapes and axes.
 */
function naming<T>(label: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof RangeError || (error instanceof DyadError && !error.message.startsWith("node "))) {
      throw inputError(`${label}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** Constants may be empty (a shape of no axes); activations may not. */
function checkShape(label: string, output: string, { shape }: ValueType, least: 0 | 1): void {
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < least) || !Number.isSafeInteger(sizeOf(shape))) {
    throw inputError(`${label}: gives ${JSON.stringify(output)} the impossible shape [${shape}]`);
  }
}

function constantValue(name: string, constant: Tensor): Value {
  return { name, dtype: constant.dtype, shape: constant.shape, constant };
}

/** ONNX marks an absent input by an empty name; at the end of the list it means nothing. */
function trimAbsent(inputs: readonly string[]): readonly string[] {
  return inputs.slice(0, inputs.findLastIndex((name) => name !== "") + 1);
}

/** Gives names that are neither among `taken` nor given before: the wanted one, or it with a number behind. */
function uniqueNames(taken: readonly string[]): (wanted: string) => string {
  const used = new Set(taken);
  return (wanted) => {
    let name = wanted;
    for (let n = 2; used.has(name); n++) name = `${wanted}_${n}`;
    used.add(name);
    return name;
  };
}
