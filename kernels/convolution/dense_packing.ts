import {
  blockLayout,
  type DenseArithmetic,
  type DenseGenerator,
  type DenseSum,
  denseSum,
  outputBlocks,
} from "./dense_layout.ts";

/** A block of outputs of one group in `constants`. */
interface Block {
  readonly start: number;
  /** Its first output channel, and how many there are. */
  readonly channel: number;
  readonly channels: number;
  readonly layout: ReturnType<typeof blockLayout>;
}

/** What `constants` holds: for each group and block of outputs, as `blockLayout` says. */
function blocksOf({ shape, image, tile, arithmetic, epilogue }: DenseGenerator): { blocks: Block[]; bytes: number } {
  const sum = denseSum(shape, image, arithmetic);
  const ofGroup = outputBlocks(shape, tile).flatMap(({ count, channels }) => new Array<number>(count).fill(channels));
  const blocks: Block[] = [];
  let start = 0;
  let channel = 0;
  for (let group = 0; group < shape.groups; group++) {
    for (const channels of ofGroup) {
      const layout = blockLayout(sum, channels, arithmetic, epilogue.parameterBytes);
      blocks.push({ start, channel, channels, layout });
      start += layout.bytes;
      channel += channels;
    }
  }
  return { blocks, bytes: start };
}

/** The `constants` of a dense kernel. What is missing of a vector of weights is 0. */
export function packDense(generator: DenseGenerator, weights: ArrayLike<number>): Uint8Array {
  const { arithmetic, epilogue } = generator;
  const { blocks, bytes } = blocksOf(generator);
  const constants = new Uint8Array(bytes);
  const view = new DataView(constants.buffer);
  const positions = denseWeightPositions(generator);
  for (let i = 0; i < positions.length; i++) arithmetic.setWeight(view, positions[i], weights[i]);
  for (const { start, channel, channels, layout } of blocks) {
    for (let o = 0; o < channels; o++) epilogue.writeBias(view, start + layout.bias + 4 * o, channel + o);
    for (let v = 0; v < layout.vectors; v++) {
      const position = start + layout.parameters + v * epilogue.parameterBytes;
      epilogue.writeParameters(view, position, channel + 4 * v, Math.min(4, channels - 4 * v));
    }
  }
  return constants;
}

/** Byte position in `constants` of every weight, in the order of the problem's weights. */
export function denseWeightPositions(generator: DenseGenerator): Uint32Array {
  const { shape, image, arithmetic } = generator;
  const sum = denseSum(shape, image, arithmetic);
  const positions = new Uint32Array(shape.outputChannels * sum.rows * sum.runs * sum.elements);
  for (const block of blocksOf(generator).blocks) writePositions(positions, block, sum, arithmetic);
  return positions;
}

/** Positions of the weights of a block, in the order in which the steps read them. */
function writePositions(
  positions: Uint32Array,
  { start, channel, channels, layout }: Block,
  sum: DenseSum,
  { elementsPerStep, weightVectorBytes }: DenseArithmetic,
): void {
  const totalRuns = sum.rows * sum.runs;
  const weightBytes = weightVectorBytes / (4 * elementsPerStep);
  const stepBytes = layout.vectors * weightVectorBytes;
  let weight = channel * totalRuns * sum.elements;
  for (let o = 0; o < channels; o++) {
    const lane = (o >> 2) * weightVectorBytes + (o & 3) * elementsPerStep * weightBytes;
    for (let run = 0; run < totalRuns; run++) {
      for (let k = 0; k < sum.elements; k++) {
        const step = run * sum.steps + Math.floor(k / elementsPerStep);
        positions[weight++] = start + step * stepBytes + lane + (k % elementsPerStep) * weightBytes;
      }
    }
  }
}
