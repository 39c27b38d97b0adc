import { constantInput, type Graph, type Value } from "../ir/graph.ts";
import type { Patch } from "../ir/patch.ts";
import { affineOfStatistics, batch_normalization } from "../ops/batch_normalization.ts";
import type { ChannelAffineAttributes } from "../ops/channel_affine.ts";
import { UNBOUNDED } from "../ops/clamp_bounds.ts";
import { nodeOf } from "../ops/node_of.ts";
import { tensor } from "../tensor/tensor.ts";
import { firstPatch, freshName, type Pass } from "./pass.ts";

function rewrite(graph: Graph): Patch | undefined {
  return firstPatch(graph, (node) => {
    const normalization = nodeOf(batch_normalization.operator, node);
    if (normalization === undefined) return undefined;
    const constants = [1, 2, 3, 4].map((index) => constantInput(graph, node, index));
    const affine = affineOfStatistics(constants, normalization.attributes);
    const values = Object.entries(affine).map(([suffix, data]): Value => {
      const constant = tensor("f64", [data.length], data);
      return { name: freshName(graph, `${node.name}.${suffix}`), dtype: "f64", shape: constant.shape, constant };
    });
    const attributes: ChannelAffineAttributes = { axis: 1, ...UNBOUNDED };
    const inputs = [node.inputs[0], ...values.map(({ name }) => name)];
    return { remove: [node], add: [{ ...node, op: "ChannelAffine", inputs, attributes: { ...attributes } }], values };
  });
}

export const batch_normalization_to_affine: Pass = {
  name: "batch-normalization-to-affine",
  description: "a batch normalization with frozen statistics becomes a factor and a summand for each channel",
  rewrite,
};
