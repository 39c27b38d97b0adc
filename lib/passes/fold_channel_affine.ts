import { constantInput, type Graph, type Node, producersOf, readersOf, type Value, valueOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { type FloatTensor, type Tensor, tensor } from "../tensor/tensor.ts";
import { channel_affine } from "../ops/channel_affine.ts";
import { operatorOf } from "../ops/mod.ts";
import { nodeOf } from "../ops/node_of.ts";
import type { ClampBounds } from "../ops/clamp_bounds.ts";
import { firstPatch, freshName, type Pass } from "./pass.ts";

/** W' = scale W, B' = scale B + shift, each rounded once to float32 (Jacob et al., arXiv 1712.05877, section 3.2). */
function foldedConstants(weight: FloatTensor, bias: Tensor | undefined, scale: Tensor, shift: Tensor) {
  const outputs = weight.shape[0];
  const perOutput = weight.data.length / outputs;
  const scales = scale.data as Float64Array;
  const shifts = shift.data as Float64Array;
  const weights = weight.data.map((w, i) => w * scales[Math.floor(i / perOutput)]);
  const biases = Float32Array.from(shifts, (s, o) => s + scales[o] * Number(bias?.data[o] ?? 0));
  return { weight: tensor("f32", weight.shape, weights), bias: tensor("f32", [outputs], biases) };
}

function rewrite(graph: Graph): Patch | undefined {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  return firstPatch(graph, (node) => {
    const affine = nodeOf(channel_affine.operator, node);
    if (affine === undefined) return undefined;
    const layer = producers.get(node.inputs[0]);
    if (layer === undefined || readers.get(node.inputs[0])!.length > 1 || graph.outputs.includes(node.inputs[0])) {
      return undefined;
    }
    const { low, high } = layer.attributes as Partial<ClampBounds>;
    const { axis, ...bounds } = affine.attributes;
    if (
      low !== -Infinity || high !== Infinity ||
      operatorOf(layer.op).channelAxis?.(valueOf(graph, layer.outputs[0])) !== axis
    ) return undefined;
    const folded = foldedConstants(
      constantInput(graph, layer, 1) as FloatTensor,
      constantInput(graph, layer, 2),
      constantInput(graph, node, 1)!,
      constantInput(graph, node, 2)!,
    );
    const constant = (suffix: string, content: FloatTensor): Value => ({
      name: freshName(graph, `${layer.name}.${suffix}`),
      dtype: "f32",
      shape: content.shape,
      constant: content,
    });
    const weight = constant("folded_weight", folded.weight);
    const bias = constant("folded_bias", folded.bias);
    const inputs = [layer.inputs[0], weight.name, bias.name];
    const merged: Node = {
      ...layer,
      inputs,
      outputs: node.outputs,
      attributes: { ...layer.attributes, low: bounds.low, high: bounds.high },
    };
    return { remove: [layer, node], add: [merged], values: [weight, bias] };
  });
}

export const fold_channel_affine: Pass = {
  name: "fold-channel-affine",
  description: "a batch normalization or constant summand behind a layer goes into its weights and bias",
  rewrite,
};
