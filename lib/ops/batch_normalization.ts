import { channelAffine } from "./channel_affine.ts";
import { floatConstant } from "./float_operands.ts";
import type { ImportNode, OnnxImport } from "./operator.ts";

/**
 * Batch normalization at inference (Ioffe and Szegedy, 2015): gamma (X - mean) / sqrt(variance + epsilon) + beta per
 * channel, which is the ChannelAffine with scale = gamma / sqrt(variance + epsilon), shift = beta - mean scale. Computed in
 * float64, so that folding rounds once.
 */
const onnx: OnnxImport = {
  type: "BatchNormalization",
  attributes: {
    epsilon: { type: "float" },
    momentum: { type: "float" },
    training_mode: { type: "int", since: 14 },
  },
  translate(node: ImportNode) {
    if (node.attributes.training_mode === 1) {
      node.fail("training_mode = 1 computes statistics at run time; export the model in evaluation mode");
    }
    const x = node.input(0);
    if (x === undefined || x.shape.length < 2) {
      node.fail(`found an input of rank ${x?.shape.length}, expected N, C, ...`);
    }
    const channels = x.shape[1];
    const names = ["scale", "bias", "mean", "variance"];
    const [gamma, beta, mean, variance] = names.map((name, i) => {
      const constant = floatConstant(node, i + 1, name);
      if (constant.data.length !== channels) {
        node.fail(`${name} has shape [${constant.shape}], expected [${channels}]`);
      }
      return constant.data;
    });
    const epsilon = (node.attributes.epsilon as number | undefined) ?? 1e-5;
    const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
    const shift = Float64Array.from(beta, (b, c) => b - mean[c] * scale[c]);
    const bad = scale.findIndex((s, c) => !Number.isFinite(s) || !Number.isFinite(shift[c]));
    if (bad >= 0) node.fail(`channel ${bad}: variance ${variance[bad]} and epsilon ${epsilon} give no finite scale`);
    return [channelAffine(node, node.inputs[0], 1, scale, shift)];
  },
};

export const batch_normalization = { onnx };
