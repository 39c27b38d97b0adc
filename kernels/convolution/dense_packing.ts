import {
  blockLayout,
  type DenseArithmetic,
  type DenseGenerator,
  type DenseSum,
  denseSum,
  outputBlocks,
} from "./dense_layout.ts";

/** The `constants` of a dense kernel: for each group and block of outputs, as `blockLayout` says. */
export function packDense(generator: DenseGenerator, weights: ArrayLike<number>): Uint8Array {
  const { shape, image, tile, arithmetic, epilogue } = generator;
  const sum = denseSum(shape, image, arithmetic);
  const blocks = outputBlocks(shape, tile).flatMap(({ count, channels }) => new Array<number>(count).fill(channels));
  const layouts = blocks.map((channels) => blockLayout(sum, channels, arithmetic, epilogue.parameterBytes));
  const bytes = new Uint8Array(shape.groups * layouts.reduce((total, layout) => total + layout.bytes, 0));
  const view = new DataView(bytes.buffer);
  let start = 0;
  let channel = 0;
  for (let group = 0; group < shape.groups; group++) {
    blocks.forEach((channels, i) => {
      const layout = layouts[i];
      packWeights(view, start, sum, arithmetic, weights, channel, channels);
      for (let o = 0; o < channels; o++) epilogue.writeBias(view, start + layout.bias + 4 * o, channel + o);
      for (let v = 0; v < layout.vectors; v++) {
        const position = start + layout.parameters + v * epilogue.parameterBytes;
        epilogue.writeParameters(view, position, channel + 4 * v, Math.min(4, channels - 4 * v));
      }
      start += layout.bytes;
      channel += channels;
    });
  }
  return bytes;
}

/** Weights of `channels` outputs from `channel`, in the order in which the steps read them; what is missing is 0. */
function packWeights(
  view: DataView,
  start: number,
  sum: DenseSum,
  arithmetic: DenseArithmetic,
  weights: ArrayLike<number>,
  channel: number,
  channels: number,
): void {
  const { elementsPerStep, weightVectorBytes } = arithmetic;
  const totalRuns = sum.rows * sum.runs;
  const weightBytes = weightVectorBytes / (4 * elementsPerStep);
  const vectors = Math.ceil(channels / 4);
  for (let o = 0; o < channels; o++) {
    const first = (channel + o) * totalRuns * sum.elements;
    const lane = (o >> 2) * weightVectorBytes + (o & 3) * elementsPerStep * weightBytes;
    for (let run = 0; run < totalRuns; run++) {
      for (let k = 0; k < sum.elements; k++) {
        const step = run * sum.steps + Math.floor(k / elementsPerStep);
        const position = start + step * vectors * weightVectorBytes + lane + (k % elementsPerStep) * weightBytes;
        arithmetic.setWeight(view, position, weights[first + run * sum.elements + k]);
      }
    }
  }
}
