import { blockLayout, channelBlocks, type DepthwiseGenerator, depthwiseSum } from "./depthwise_generator.ts";

/** A block of channels in `constants`. */
interface Block {
  readonly start: number;
  /** Its first channel, and how many there are. */
  readonly channel: number;
  readonly channels: number;
  readonly layout: ReturnType<typeof blockLayout>;
}

/** What `constants` holds: for each block of channels, as `blockLayout` says. */
function blocksOf(generator: DepthwiseGenerator): { blocks: Block[]; bytes: number } {
  const sum = depthwiseSum(generator);
  const blocks: Block[] = [];
  let start = 0;
  let channel = 0;
  for (const { count, channels } of channelBlocks(generator.channels)) {
    const layout = blockLayout(sum, channels, generator.epilogue.parameterBytes);
    for (let i = 0; i < count; i++) {
      blocks.push({ start, channel, channels, layout });
      start += layout.bytes;
      channel += channels;
    }
  }
  return { blocks, bytes: start };
}

/** The `constants` of a depthwise kernel. What is missing of a vector of weights is 0. */
export function packDepthwise(generator: DepthwiseGenerator, weights: ArrayLike<number>): Uint8Array {
  const { arithmetic, epilogue } = generator;
  const { blocks, bytes } = blocksOf(generator);
  const constants = new Uint8Array(bytes);
  const view = new DataView(constants.buffer);
  const positions = depthwiseWeightPositions(generator);
  for (let i = 0; i < positions.length; i++) arithmetic.setWeight(view, positions[i], weights[i]);
  for (const { start, channel, channels, layout } of blocks) {
    for (let c = 0; c < channels; c++) epilogue.writeBias(view, start + layout.bias + 4 * c, channel + c);
    for (let v = 0; v < layout.vectors; v++) {
      const position = start + layout.parameters + v * epilogue.parameterBytes;
      epilogue.writeParameters(view, position, channel + 4 * v, Math.min(4, channels - 4 * v));
    }
  }
  return constants;
}

/** Byte position in `constants` of every weight, in the order of the problem's weights. */
export function depthwiseWeightPositions(generator: DepthwiseGenerator): Uint32Array {
  const { window: w, channels, arithmetic } = generator;
  const sum = depthwiseSum(generator);
  const taps = w.kernelHeight * w.kernelWidth;
  const tapsPerRow = taps / sum.rows;
  const weightBytes = 4 / arithmetic.tapsPerStep;
  const positions = new Uint32Array(channels * taps);
  for (const { start, channel, channels: blockChannels, layout } of blocksOf(generator).blocks) {
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
