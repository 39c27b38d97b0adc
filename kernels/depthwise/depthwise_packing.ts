import { type ConstantBlock, constantBlocks, packConstantBlocks } from "../convolution/constant_blocks.ts";
import { blockLayout, channelBlocks, type DepthwiseGenerator, depthwiseSum } from "./depthwise_generator.ts";

/** What `constants` holds: for each block of channels, as `blockLayout` says. */
function blocksOf(generator: DepthwiseGenerator): ConstantBlock[] {
  const sum = depthwiseSum(generator);
  const widths = channelBlocks(generator.channels)
    .flatMap(({ count, channels }) => new Array<number>(count).fill(channels));
  return constantBlocks(widths, (channels) => blockLayout(sum, channels, generator.epilogue.parameterBytes));
}

/** The `constants` of a depthwise kernel. */
export function packDepthwise(generator: DepthwiseGenerator, weights: ArrayLike<number>): Uint8Array {
  const { arithmetic: { setWeight }, epilogue } = generator;
  return packConstantBlocks(blocksOf(generator), weights, depthwiseWeightPositions(generator), setWeight, epilogue);
}

/** Byte position in `constants` of every weight, in the order of the problem's weights. */
export function depthwiseWeightPositions(generator: DepthwiseGenerator): Uint32Array {
  const { window: w, channels, arithmetic } = generator;
  const sum = depthwiseSum(generator);
  const taps = w.kernelHeight * w.kernelWidth;
  const tapsPerRow = taps / sum.rows;
  const weightBytes = 4 / arithmetic.tapsPerStep;
  const positions = new Uint32Array(channels * taps);
  for (const { start, channel, channels: blockChannels, layout } of blocksOf(generator)) {
    for (let c = 0; c < blockChannels; c++) {
      for (let row = 0; row < sum.rows; row++) {
        sum.steps.forEach((stepTaps, step) => {
          const vector = start + 16 * ((row * sum.steps.length + step) * layout.vectors + (c >> 2));
          stepTaps.forEach(({ tap }, t) => {
            positions[(channel + c) * taps + row * tapsPerRow + tap] = vector + 4 * (c & 3) + t * weightBytes;
          });
        });
      }
    }
  }
  return positions;
}
