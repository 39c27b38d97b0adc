import type { OnnxImport, Operator } from "./operator.ts";
import { forwardSoftmax, softmax, type SoftmaxAttributes, translateSoftmax } from "./softmax.ts";

const onnx: OnnxImport = {
  type: "LogSoftmax",
  attributes: { axis: { type: "int" } },
  translate: translateSoftmax("LogSoftmax"),
};

const operator: Operator<SoftmaxAttributes> = {
  ...softmax.operator,
  name: "LogSoftmax",
  forward: forwardSoftmax((shifted, logSum) => shifted - logSum),
};

export const log_softmax = { onnx, operator };
