import type { FloatTensor, Tensor } from "../tensor/tensor.ts";
import type { Derivatives, OnnxImport, Operator } from "./operator.ts";
import { distributionSums, forwardSoftmax, softmax, type SoftmaxAttributes, translateSoftmax } from "./softmax.ts";

const onnx: OnnxImport = {
  type: "LogSoftmax",
  attributes: { axis: { type: "int" } },
  translate: translateSoftmax("LogSoftmax"),
};

/**
 * With p = softmax(x) and <a, b> the sum of a[j] b[j] over a distribution:
 *
 *     J t = t - <p, t>        J^T g = g - p <g, 1>        sum over o of g_o H_o t = -p (t - <p, t>) <g, 1>
 */
const derivatives: Derivatives<SoftmaxAttributes> = {
  tangent({ attributes }, { outputs: [y] }, [t]) {
    if (!t) return [new Float32Array(y.data.length)];
    const mean = distributionSums(attributes, y.shape, probabilities(y), t);
    return [t.map((tangent, i) => tangent - mean[i])];
  },
  gradient({ attributes }, { outputs: [y] }, [g], [wanted]) {
    if (!wanted) return [undefined];
    const p = probabilities(y);
    const total = distributionSums(attributes, y.shape, g);
    return [g.map((gradient, i) => gradient - p[i] * total[i])];
  },
  curvature({ attributes }, { outputs: [y] }, [t], [g], [wanted]) {
    if (!wanted || !t) return [undefined];
    const p = probabilities(y);
    const mean = distributionSums(attributes, y.shape, p, t);
    const total = distributionSums(attributes, y.shape, g);
    return [t.map((tangent, i) => -p[i] * (tangent - mean[i]) * total[i])];
  },
};

function probabilities(output: Tensor): Float64Array {
  return Float64Array.from((output as FloatTensor).data, Math.exp);
}

const operator: Operator<SoftmaxAttributes> = {
  ...softmax.operator,
  name: "LogSoftmax",
  forward: forwardSoftmax((shifted, logSum) => shifted - logSum),
  derivatives,
};

export const log_softmax = { onnx, operator };
