import type { Epilogue } from "./epilogue.ts";

/** A block of output channels in `constants`: its weights, step by step, then biases, then parameters of the epilogue. */
export interface BlockLayout {
  /** Vectors of 4 channels. */
  readonly vectors: number;
  /** Bytes from the start of the block to its biases, to its parameters, and to its end. */
  readonly bias: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** The layout of a block of `channels` whose weights take `vectorWeightBytes` for each vector of 4. */
export function constantBlockLayout(channels: number, vectorWeightBytes: number, parameterBytes: number): BlockLayout {
  const vectors = Math.ceil(channels / 4);
  const bias = vectors * vectorWeightBytes;
  const parameters = bias + 16 * vectors;
  return { vectors, bias, parameters, bytes: parameters + vectors * parameterBytes };
}

/** Where a block lies in `constants`. */
export interface ConstantBlock {
  readonly start: number;
  /** Its first output channel, and how many there are. */
  readonly channel: number;
  readonly channels: number;
  readonly layout: BlockLayout;
}

/** Blocks of these numbers of channels, one behind the other. */
export function constantBlocks(
  widths: readonly number[],
  layoutOf: (channels: number) => BlockLayout,
): ConstantBlock[] {
  const blocks: ConstantBlock[] = [];
  let start = 0;
  let channel = 0;
  for (const channels of widths) {
    const layout = layoutOf(channels);
    blocks.push({ start, channel, channels, layout });
    start += layout.bytes;
    channel += channels;
  }
  return blocks;
}

/**
 * The `constants` of a convolution. What is missing of a vector of weights is 0.
 * @param positions byte position of each of `weights`
 */
export function packConstantBlocks(
  blocks: readonly ConstantBlock[],
  weights: ArrayLike<number>,
  positions: Uint32Array,
  setWeight: (view: DataView, position: number, weight: number) => void,
  epilogue: Epilogue,
): Uint8Array {
  const constants = new Uint8Array(blocks.reduce((bytes, { layout }) => bytes + layout.bytes, 0));
  const view = new DataView(constants.buffer);
  for (let i = 0; i < positions.length; i++) setWeight(view, positions[i], weights[i]);
  for (const { start, channel, channels, layout } of blocks) {
    for (let c = 0; c < channels; c++) epilogue.writeBias(view, start + layout.bias + 4 * c, channel + c);
    for (let v = 0; v < layout.vectors; v++) {
      const position = start + layout.parameters + v * epilogue.parameterBytes;
      epilogue.writeParameters(view, position, channel + 4 * v, Math.min(4, channels - 4 * v));
    }
  }
  return constants;
}
