/** Convolutions of networks at 224 x 224, batch 1, each with "same" padding; extents of square images. */

export interface Layer {
  readonly extent: number;
  readonly kernel: number;
  readonly stride: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
}

function layer(extent: number, kernel: number, stride: number, inputs: number, outputs: number, groups = 1): Layer {
  return { extent, kernel, stride, inputs, outputs, groups };
}

const STEM = layer(224, 7, 2, 3, 64);

/** He et al., arXiv 1512.03385, table 1: two 3x3 convolutions a block, two blocks a stage. */
function resnet18(): Layer[] {
  const layers = [STEM];
  let [extent, channels] = [56, 64];
  for (const width of [64, 128, 256, 512]) {
    const stride = width === 64 ? 1 : 2;
    layers.push(layer(extent, 3, stride, channels, width));
    if (stride === 2) layers.push(layer(extent, 1, stride, channels, width));
    extent /= stride;
    layers.push(...Array.from({ length: 3 }, () => layer(extent, 3, 1, width, width)));
    channels = width;
  }
  return layers;
}

/** The first block of each stage of ResNet50, with the stride in its 3x3 convolution as in torchvision. */
function resnet50(): Layer[] {
  const layers = [STEM];
  let [extent, channels] = [56, 64];
  for (const width of [64, 128, 256, 512]) {
    const stride = width === 64 ? 1 : 2;
    layers.push(layer(extent, 1, 1, channels, width), layer(extent, 3, stride, width, width));
    layers.push(layer(extent, 1, stride, channels, 4 * width));
    extent /= stride;
    channels = 4 * width;
    layers.push(layer(extent, 1, 1, width, channels));
  }
  return layers;
}

/** Sandler et al., arXiv 1801.04381, table 2: expansion, output channels, blocks, stride of the first. */
const BOTTLENECKS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function mobilenetV2(): Layer[] {
  const layers = [layer(224, 3, 2, 3, 32)];
  let [extent, channels] = [112, 32];
  for (const [expansion, outputs, blocks, firstStride] of BOTTLENECKS) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      const hidden = expansion * channels;
      if (expansion > 1) layers.push(layer(extent, 1, 1, channels, hidden));
      layers.push(layer(extent, 3, stride, hidden, hidden, hidden));
      extent /= stride;
      layers.push(layer(extent, 1, 1, hidden, outputs));
      channels = outputs;
    }
  }
  return [...layers, layer(extent, 1, 1, channels, 1280)];
}

export const NETWORKS: Readonly<Record<string, readonly Layer[]>> = {
  "ResNet18": resnet18(),
  "ResNet50, a block of each kind": resnet50(),
  "MobileNetV2": mobilenetV2(),
};
