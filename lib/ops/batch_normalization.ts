import type { Node, Value, ValueType } from "../ir/graph.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, tensor } from "../tensor/tensor.ts";
import { channelAxis, channelSums, scaledChannels } from "./channel_axis.ts";
import { floatConstant, requireFloat } from "./float_operands.ts";
import { withData } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, OnnxImport, Operator, Point } from "./operator.ts";
import { nodeError } from "./operator_error.ts";

/**
 * Batch normalization with frozen statistics (Ioffe and Szegedy, arXiv 1502.03167, algorithm 2): Y = scale (X - mean) /
 * sqrt(variance + epsilon) + bias per channel; inputs X [N, C, ...] and the constants scale, bias, mean and variance [C].
 * The first pass makes it a ChannelAffine. With the statistics of a batch it is `batchNormalizationTraining`.
 */
export interface BatchNormalizationAttributes {
  readonly epsilon: number;
}

const CONSTANTS = ["scale", "bias", "mean", "variance"];

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
    const constants = CONSTANTS.map((name, i) => {
      const constant = floatConstant(node, i + 1, name);
      if (constant.data.length !== x.shape[1]) {
        node.fail(`${name} has shape [${constant.shape}], expected [${x.shape[1]}]`);
      }
      return constant;
    });
    const attributes: BatchNormalizationAttributes = {
      epsilon: (node.attributes.epsilon as number | undefined) ?? 1e-5,
    };
    const { scale, shift } = affineOfStatistics(constants, attributes);
    const bad = scale.findIndex((s, c) => !Number.isFinite(s) || !Number.isFinite(shift[c]));
    if (bad >= 0) {
      const variance = constants[3].data[bad];
      node.fail(`channel ${bad}: variance ${variance} and epsilon ${attributes.epsilon} give no finite scale`);
    }
    const inputs = node.inputs.slice(0, 5);
    return [{ op: "BatchNormalization", inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

/** A factor and a summand for each channel. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** What the constants scale, bias, mean and variance do to a channel. In float64, so that folding rounds once. */
export function affineOfStatistics(
  constants: readonly (Tensor | undefined)[],
  { epsilon }: BatchNormalizationAttributes,
): Affine {
  const [gamma, beta, mean, variance] = constants.map((constant) => (constant as FloatTensor).data);
  const scale = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  return { scale, shift: Float64Array.from(beta, (b, c) => b - mean[c] * scale[c]) };
}

function infer(
  node: Node<BatchNormalizationAttributes>,
  [x, ...constants]: readonly (Value | undefined)[],
): ValueType[] {
  requireFloat(node, [x, ...constants]);
  if (x!.shape.length < 2) throw nodeError(node, `found an input of rank ${x!.shape.length}, expected N, C, ...`);
  CONSTANTS.forEach((name, i) => {
    const { shape } = constants[i]!;
    if (sizeOf(shape) !== x!.shape[1]) throw nodeError(node, `${name} has shape [${shape}], expected [${x!.shape[1]}]`);
  });
  return [{ dtype: x!.dtype, shape: x!.shape }];
}

function forward(
  { attributes }: Node<BatchNormalizationAttributes>,
  [x, ...constants]: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const { scale, shift } = affineOfStatistics(constants, attributes);
  const axis = channelAxis(output.shape, 1);
  return [tensor("f32", output.shape, scaledChannels((x as FloatTensor).data, axis, scale, shift))];
}

/** Per channel: the constants, 1 / sqrt(variance + epsilon), and what tangents of the constants make of it. */
function directionOf(
  { attributes }: Node<BatchNormalizationAttributes>,
  { inputs }: Point,
  tangents: readonly (Float32Array | undefined)[],
) {
  const constants = inputs.slice(1, 5).map((input) => (input as FloatTensor).data);
  const [gamma, , mean, variance] = constants;
  const [dgamma, dbeta, dmean, dvariance] = constants.map(({ length }, i) =>
    tangents[i + 1] ?? new Float32Array(length)
  );
  const root = Float64Array.from(variance, (v) => 1 / Math.sqrt(v + attributes.epsilon));
  const droot = root.map((r, c) => -0.5 * r ** 3 * dvariance[c]);
  const dscale = root.map((r, c) => dgamma[c] * r + gamma[c] * droot[c]);
  return { gamma, mean, dgamma, dbeta, dmean, root, droot, scale: root.map((r, c) => r * gamma[c]), dscale };
}

/**
 * With r = 1 / sqrt(variance + epsilon), s = scale r, sums over the elements of a channel, dr = -r^3 dvariance / 2 and
 * ds = dscale r + scale dr:
 *
 *     dY = s (dX - dmean) + ds (X - mean) + dbias
 *     G = sum of g        A = sum of g (X - mean)        dA = sum of g (dX - dmean)
 *     gX = s g            gscale = r A                   gbias = G      gmean = -s G       gvariance = -scale r^3 A / 2
 *     dgX = ds g          dgscale = dr A + r dA          dgbias = 0     dgmean = -ds G
 *     dgvariance = -(dscale r^3 A + 3 scale r^2 dr A + scale r^3 dA) / 2
 */
const derivatives: Derivatives<BatchNormalizationAttributes> = {
  tangent(node, point, tangents) {
    const { shape } = point.outputs[0];
    const [x] = point.inputs;
    const { mean, dbeta, dmean, scale, dscale } = directionOf(node, point, tangents);
    const shift = scale.map((s, c) => dbeta[c] - s * dmean[c] - dscale[c] * mean[c]);
    const axis = channelAxis(shape, 1);
    const tangent = scaledChannels((x as FloatTensor).data, axis, dscale, shift);
    const moved = scaledChannels(withData(x!, tangents[0]).data, axis, scale);
    for (let i = 0; i < tangent.length; i++) tangent[i] += moved[i];
    return [tangent];
  },
  gradient(node, point, [g], wanted) {
    const { gamma, mean, root, scale } = directionOf(node, point, []);
    const axis = channelAxis(point.outputs[0].shape, 1);
    const total = channelSums(g, axis);
    const centred = channelSums(g, axis, (point.inputs[0] as FloatTensor).data).map((sum, c) =>
      sum - mean[c] * total[c]
    );
    return [
      wanted[0] ? scaledChannels(g, axis, scale) : undefined,
      wanted[1] ? Float32Array.from(root, (r, c) => r * centred[c]) : undefined,
      wanted[2] ? new Float32Array(total) : undefined,
      wanted[3] ? Float32Array.from(scale, (s, c) => -s * total[c]) : undefined,
      wanted[4] ? Float32Array.from(root, (r, c) => -0.5 * gamma[c] * r ** 3 * centred[c]) : undefined,
    ];
  },
  curvature(node, point, tangents, [g], wanted) {
    const { gamma, mean, dgamma, dmean, root, droot, dscale } = directionOf(node, point, tangents);
    const [x] = point.inputs;
    const axis = channelAxis(point.outputs[0].shape, 1);
    const total = channelSums(g, axis);
    const centred = channelSums(g, axis, (x as FloatTensor).data).map((sum, c) => sum - mean[c] * total[c]);
    const moved = channelSums(g, axis, withData(x!, tangents[0]).data).map((sum, c) => sum - dmean[c] * total[c]);
    return [
      wanted[0] ? scaledChannels(g, axis, dscale) : undefined,
      wanted[1] ? Float32Array.from(root, (r, c) => droot[c] * centred[c] + r * moved[c]) : undefined,
      undefined,
      wanted[3] ? Float32Array.from(dscale, (ds, c) => -ds * total[c]) : undefined,
      wanted[4]
        ? Float32Array.from(root, (r, c) => {
          const ofRoot = (dgamma[c] * r + 3 * gamma[c] * droot[c]) * r * r * centred[c];
          return -0.5 * (ofRoot + gamma[c] * r ** 3 * moved[c]);
        })
        : undefined,
    ];
  },
};

const operator: Operator<BatchNormalizationAttributes> = {
  name: "BatchNormalization",
  infer,
  forward,
  derivatives,
  quantization: "rescaling",
  constants: "f32",
  samples: [
    { attributes: { epsilon: 1e-5 }, inputs: [[1, 3, 4, 2], [3], [3], [3], [3]], positive: [4] },
    { attributes: { epsilon: 0.5 }, inputs: [[1, 4], [4], [4], [4], [4]], positive: [4] },
  ],
};

export const batch_normalization = { onnx, operator };
