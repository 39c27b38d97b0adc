import { type ConstantBlock, constantBlocks, packConstantBlocks } from "./constant_blocks.ts";
import {
  blockLayout,
  type DenseArithmetic,
  type DenseGenerator,
  type DenseSum,
  denseSum,
  outputBlocks,
} from "./dense_layout.ts";

export type DenseBlock = ConstantBlock;

/** What `constants` holds: for each group and block of outputs, as `blockLayout` says. */
export function denseBlocks({ shape, image, tile, arithmetic, epilogue }: DenseGenerator): DenseBlock[] {
  const sum = denseSum(shape, image, arithmetic);
  const ofGroup = outputBlocks(shape, tile).flatMap(({ count, channels }) => new Array<number>(count).fill(channels));
  const widths = Array.from({ length: shape.groups }, () => ofGroup).flat();
  return constantBlocks(widths, (channels) => blockLayout(sum, channels, arithmetic, epilogue.parameterBytes));
}

/** The `constants` of a dense kernel. */
export function packDense(generator: DenseGenerator, weights: ArrayLike<number>): Uint8Array {
  const { arithmetic: { setWeight }, epilogue } = generator;
  return packConstantBlocks(denseBlocks(generator), weights, denseWeightPositions(generator), setWeight, epilogue);
}

/** Byte position in `constants` of every weight, in the order of the problem's weights. */
export function denseWeightPositions(generator: DenseGenerator): Uint32Array {
  const { shape, image, arithmetic } = generator;
  const sum = denseSum(shape, image, arithmetic);
  const positions = new Uint32Array(shape.outputChannels * sum.rows * sum.runs * sum.elements);
  for (const block of denseBlocks(generator)) writePositions(positions, block, sum, arithmetic);
  return positions;
}

/** Positions of the weights of a block, in the order in which the steps read them. */
function writePositions(
  positions: Uint32Array,
  { start, channel, channels, layout }: ConstantBlock,
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
