import type { ImportNode, OnnxImport } from "./operator.ts";

/** At inference Dropout passes its input on. */
const onnx: OnnxImport = {
  type: "Dropout",
  attributes: { ratio: { type: "float", until: 11 }, seed: { type: "int", since: 12 } },
  translate(node: ImportNode) {
    const training = node.input(2) === undefined ? 0 : Number(node.constant(2, "training_mode").data[0]);
    if (training !== 0) node.fail("training_mode is true; export the model in evaluation mode");
    return [{ op: "Identity", inputs: [node.inputs[0]], outputs: [node.outputs[0]], attributes: {} }];
  },
};

export const dropout = { onnx };
