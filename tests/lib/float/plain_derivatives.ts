import type { Direction, Gradients, Wanted } from "../../../lib/float/differentiator.ts";
import { constantInput, type Graph, type Node, valueOf } from "../../../lib/ir/graph.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import { INPUT } from "../../../lib/ops/recurrent_node.ts";
import type { Point } from "../../../lib/ops/operator.ts";
import { type FloatTensor, tensor, toActivationOrder, toLogicalOrder } from "../../../lib/tensor/tensor.ts";
import { evaluate } from "../sensitivity/tiny_network.ts";

type Arrays = Map<string, Float32Array>;

/** What a differentiator gives at one image, composed of the operators' own derivatives: plain loops, layers too. */
export interface PlainDerivatives {
  readonly gradients: Gradients;
  readonly outputTangent: Float32Array;
  /** By output gradient's tangent. */
  gradientTangents(outputGradientTangent: Float32Array): Gradients;
}

export function plainDerivatives(
  graph: Graph,
  image: Float32Array,
  outputGradient: Float32Array,
  wanted: Wanted,
  direction: Direction,
): PlainDerivatives {
  const [outputName] = graph.outputs;
  const output = valueOf(graph, outputName);
  const results = evaluate(graph, image);
  const tensorOf = (name: string): FloatTensor => (results.get(name) ?? valueOf(graph, name).constant) as FloatTensor;
  const layers = new Set(layersOf(graph).map(({ name }) => name));
  const pointOf = (node: Node): Point => {
    const inputs = node.inputs.map((name) => name === "" ? undefined : tensorOf(name));
    const outputs = node.outputs.map(tensorOf);
    if (isRecurrent(node)) inputs[INPUT.added] = { ...outputs[0], data: zerosOf(node.outputs[0]) };
    return { inputs, outputs };
  };
  const zerosOf = (name: string): Float32Array => new Float32Array(tensorOf(name).data.length);

  const tangents: Arrays = new Map();
  const nodeTangents = (node: Node): Float32Array[] => {
    const changed = direction.get(node.name);
    const all = node.inputs.map((name, i) => {
      if (name === "") return new Float32Array(0);
      const own = i === inputPlace(node) ? changed?.input : i === 1 ? changed?.weights : undefined;
      const weights = own && i === 1 ? toOnnxOrder(own, tensorOf(name).shape) : own;
      return sum(weights ?? zerosOf(name), tangents.get(name) ?? zerosOf(name));
    });
    if (isRecurrent(node)) all[INPUT.added] = changed?.input ?? zerosOf(node.outputs[0]);
    return all;
  };
  const wantedOf = (node: Node): boolean[] => {
    const all = node.inputs.map((name) => name !== "");
    if (isRecurrent(node)) all[INPUT.added] = true;
    return all;
  };
  for (const node of graph.nodes) {
    const made = operatorOf(node.op).derivatives.tangent(node, pointOf(node), nodeTangents(node));
    node.outputs.forEach((name, i) => tangents.set(name, made[i]));
  }

  /** One reverse pass; `more` adds to the inputs' gradients of a node. */
  const reverse = (seed: Float32Array, more?: (node: Node) => (Float32Array | undefined)[]): [Arrays, Gradients] => {
    const gradients: Arrays = new Map([[outputName, toActivationOrder(tensor("f32", output.shape, seed))]]);
    const ofLayers = new Map<string, { weights?: Float32Array; input?: Float32Array }>();
    for (const node of graph.nodes.toReversed()) {
      const all = wantedOf(node);
      const from = node.outputs.map((name) => gradients.get(name) ?? zerosOf(name));
      const added = more?.(node) ?? [];
      const made = operatorOf(node.op).derivatives.gradient(node, pointOf(node), from, all)
        .map((term, i) => term && added[i] ? sum(term, added[i]) : term);
      if (layers.has(node.name)) {
        const weights = toProblemOrder(made[1]!, constantInput(graph, node, 1)!.shape);
        ofLayers.set(node.name, {
          ...(wanted.weights && { weights }),
          ...(wanted.inputs && { input: made[inputPlace(node)]!.slice() }),
        });
      }
      node.inputs.forEach((name, i) => {
        if (made[i] && results.has(name)) gradients.set(name, sum(gradients.get(name) ?? zerosOf(name), made[i]));
      });
    }
    return [gradients, ofLayers];
  };
  const [gradients, ofLayers] = reverse(outputGradient);

  return {
    gradients: ofLayers,
    outputTangent: toLogicalOrder(tensor("f32", output.shape, tangents.get(outputName)!)),
    gradientTangents: (outputGradientTangent) =>
      reverse(outputGradientTangent, (node) => {
        const { curvature } = operatorOf(node.op).derivatives;
        const from = node.outputs.map((name) => gradients.get(name) ?? zerosOf(name));
        const all = wantedOf(node);
        return curvature?.(node, pointOf(node), nodeTangents(node), from, all) ?? [];
      })[1],
  };
}

function isRecurrent({ op }: Node): boolean {
  return operatorOf(op).quantization === "recurrent";
}

/** Of a layer's input: that of a recurrence is what is added to h after every step. */
function inputPlace(node: Node): number {
  return isRecurrent(node) ? INPUT.added : 0;
}

function sum(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((v, i) => v + b[i]);
}

/** [O, I, kH, kW] as [O, kH, kW, I]; matrices are both. */
export function toProblemOrder(weights: Float32Array, shape: readonly number[]): Float32Array {
  return shape.length === 4 ? toActivationOrder(tensor("f32", shape, weights)) : weights;
}

/** [O, kH, kW, I] as [O, I, kH, kW]; matrices are both. */
export function toOnnxOrder(weights: Float32Array, shape: readonly number[]): Float32Array {
  return shape.length === 4 ? toLogicalOrder(tensor("f32", shape, weights)) : weights;
}
