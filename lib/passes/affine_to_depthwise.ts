import { constantInput, type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { inputError } from "../format/error.ts";
import { channel_affine } from "../ops/channel_affine.ts";
import { channelwiseConv } from "../ops/conv.ts";
import { nodeOf } from "../ops/node_of.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, tensor } from "../tensor/tensor.ts";
import { firstPatch, freshName, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  return firstPatch(graph, (node) => {
    const affine = nodeOf(channel_affine.operator, node);
    if (affine === undefined) return undefined;
    const { shape } = valueOf(graph, node.outputs[0]);
    const { axis, low, high } = affine.attributes;
    if (axis !== 1) {
      throw inputError(
        `node ${node.name}: a scale or shift per index of axis ${axis} stands behind no layer that could take it in; ` +
          `expected it behind a Conv, Gemm or MatMul, or on axis 1`,
      );
    }
    const channels = shape[1];
    const narrow = (index: number): FloatTensor =>
      tensor("f32", [channels], Float32Array.from(constantInput(graph, node, index)!.data as Float64Array));
    const attributes = channelwiseConv(channels, { low, high });
    const weight: Value = {
      name: freshName(graph, `${node.name}.weight`),
      dtype: "f32",
      shape: [channels, 1, 1, 1],
      constant: tensor("f32", [channels, 1, 1, 1], narrow(1).data),
    };
    const bias: Value = {
      name: freshName(graph, `${node.name}.bias`),
      dtype: "f32",
      shape: [channels],
      constant: narrow(2),
    };
    const values = [weight, bias];
    const depthwise = (input: string, output: string): Node => ({
      name: node.name,
      op: "Conv",
      inputs: [input, weight.name, bias.name],
      outputs: [output],
      attributes: { ...attributes },
    });
    if (shape.length === 4) {
      return { remove: [node], add: [depthwise(node.inputs[0], node.outputs[0])], values };
    }
    const image = [shape[0], channels, 1, sizeOf(shape.slice(2))];
    const reshaped = (suffix: string): Value => ({
      name: freshName(graph, `${node.name}.${suffix}`),
      dtype: "f32",
      shape: image,
    });
    const before = reshaped("image");
    const after = reshaped("scaled_image");
    return {
      remove: [node],
      add: [
        {
          name: `${node.name}.to_image`,
          op: "Reshape",
          inputs: [node.inputs[0]],
          outputs: [before.name],
          attributes: { shape: image },
        },
        depthwise(before.name, after.name),
        {
          name: `${node.name}.from_image`,
          op: "Reshape",
          inputs: [after.name],
          outputs: node.outputs,
          attributes: { shape },
        },
      ],
      values: [...values, before, after],
    };
  });
}

export const affine_to_depthwise: Pass = {
  name: "affine-to-depthwise",
  description: "a batch normalization that no layer could take in becomes a depthwise 1x1 convolution",
  rewrite,
};
