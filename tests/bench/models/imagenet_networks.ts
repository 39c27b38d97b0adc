import { type Activation, RandomNetwork } from "./random_network.ts";

/** Networks for 224 x 224 images as torchvision defines them (models/resnet.py, models/mobilenetv2.py). */

const IMAGE = [3, 224, 224];
const CLASSES = 1000;
/** Weights of the last convolution of a residual branch: sums then grow slowly with depth. */
const BRANCH_GAIN = 0.5;

type ResidualBlock = (net: RandomNetwork, x: Activation, width: number, stride: number) => Activation;

/** He et al., arXiv 1512.03385, figure 5, left. */
const basicBlock: ResidualBlock = (net, x, width, stride) => {
  const inner = net.conv(x, { outputs: width, kernel: 3, stride, activation: "Relu" });
  const branch = net.conv(inner, { outputs: width, kernel: 3, gain: BRANCH_GAIN });
  return net.add(branch, shortcut(net, x, width, stride), "Relu");
};

/** He et al., figure 5, right, with the stride in the 3x3 convolution as torchvision has it. */
const bottleneck: ResidualBlock = (net, x, width, stride) => {
  const narrow = net.conv(x, { outputs: width, kernel: 1, activation: "Relu" });
  const inner = net.conv(narrow, { outputs: width, kernel: 3, stride, activation: "Relu" });
  const branch = net.conv(inner, { outputs: 4 * width, kernel: 1, gain: BRANCH_GAIN });
  return net.add(branch, shortcut(net, x, 4 * width, stride), "Relu");
};

function shortcut(net: RandomNetwork, x: Activation, outputs: number, stride: number): Activation {
  const isSame = stride === 1 && x.shape[0] === outputs;
  return isSame ? x : net.conv(x, { outputs, kernel: 1, stride, gain: Math.SQRT1_2 });
}

function resnet(name: string, block: ResidualBlock, blocks: readonly number[], seed: number): Uint8Array {
  const net = new RandomNetwork(name, IMAGE, seed);
  let x = net.maxPool(net.conv(net.input, { outputs: 64, kernel: 7, stride: 2, activation: "Relu" }));
  blocks.forEach((count, stage) => {
    for (let i = 0; i < count; i++) x = block(net, x, 64 << stage, i === 0 && stage > 0 ? 2 : 1);
  });
  return net.finish(x, CLASSES);
}

/** An ONNX file of ResNet18. */
export function resnet18(seed: number): Uint8Array {
  return resnet("resnet18", basicBlock, [2, 2, 2, 2], seed);
}

/** An ONNX file of ResNet50. */
export function resnet50(seed: number): Uint8Array {
  return resnet("resnet50", bottleneck, [3, 4, 6, 3], seed);
}

/** Sandler et al., arXiv 1801.04381, table 2: expansion, outputs, repetitions, stride of the first. */
const INVERTED_RESIDUALS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** An ONNX file of MobileNetV2. */
export function mobilenetV2(seed: number): Uint8Array {
  const net = new RandomNetwork("mobilenet_v2", IMAGE, seed);
  let x = net.conv(net.input, { outputs: 32, kernel: 3, stride: 2, activation: "Relu6" });
  for (const [expansion, outputs, repetitions, firstStride] of INVERTED_RESIDUALS) {
    for (let i = 0; i < repetitions; i++) {
      const stride = i === 0 ? firstStride : 1;
      const [inputs] = x.shape;
      const groups = inputs * expansion;
      const wide = expansion === 1 ? x : net.conv(x, { outputs: groups, kernel: 1, activation: "Relu6" });
      const inner = net.conv(wide, { outputs: groups, kernel: 3, stride, groups, activation: "Relu6" });
      const isResidual = stride === 1 && inputs === outputs;
      const branch = net.conv(inner, { outputs, kernel: 1, gain: isResidual ? BRANCH_GAIN : Math.SQRT1_2 });
      x = isResidual ? net.add(x, branch) : branch;
    }
  }
  return net.finish(net.conv(x, { outputs: 1280, kernel: 1, activation: "Relu6" }), CLASSES);
}
