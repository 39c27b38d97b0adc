import assert from "node:assert/strict";
import { decodeModel } from "../../../lib/onnx/schema.ts";
import { prepareModel } from "../networks.ts";
import { RandomNetwork } from "./random_network.ts";

/** Every operator that a converted network may have: convolutions of all kinds, a residual, both pools, a matrix. */
function everything(): Uint8Array {
  const net = new RandomNetwork("everything", [3, 8, 8], 1);
  const stem = net.maxPool(net.conv(net.input, { outputs: 4, kernel: 3, activation: "Relu" }));
  const branch = net.conv(stem, { outputs: 4, kernel: 3, groups: 4, activation: "Relu6" });
  return net.finish(net.add(branch, stem, "Relu"), 5);
}

Deno.test("a network of QOperator format has integers from its input to its last matrix", () => {
  const { graph } = decodeModel(prepareModel(everything()).integerModel);
  assert.deepEqual(
    graph!.node.map(({ opType }) => opType),
    [
      "QuantizeLinear",
      "QLinearConv",
      "MaxPool",
      "QLinearConv",
      "QLinearAdd",
      "QLinearGlobalAveragePool",
      "Reshape",
      "QGemm",
    ],
  );
});

Deno.test("a QOperator convolution has a scale for each output channel, and its max pool the scale of its input", () => {
  const { graph } = decodeModel(prepareModel(everything()).integerModel);
  const [, conv, pool, next] = graph!.node;
  const constant = (name: string) => graph!.initializer.find((tensor) => tensor.name === name)!;
  const scales = constant(conv.input[4]);
  assert.deepEqual(scales.dims, [4n]);
  const float = (name: string): number => new Float32Array(constant(name).rawData!.slice().buffer)[0];
  assert.equal(next.input[0], pool.output[0]);
  assert.equal(float(next.input[1]), float(conv.input[6]));
});

Deno.test("random networks are the same for the same seed, and their activations stay sane", () => {
  assert.deepEqual(everything(), everything());
  const { calibration } = prepareModel(everything());
  for (const { name, ranges } of calibration.tensors) {
    const { min, max } = Object.values(ranges["min-max"])[0];
    assert(max - min > 0.1 && max - min < 1000, `${name} lies in [${min}, ${max}]`);
  }
});
