import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import {
  blockLayout,
  type DenseArithmetic,
  type DenseGenerator,
  type DenseSum,
  denseSum,
  outputBlocks,
  tilePixels,
} from "./dense_layout.ts";
import { pixelTiles } from "./pixel_tiles.ts";

/**
 * Implicit matrix product over a channels-last image that holds its padding. For each group, for each block of outputs
 * (its weights stay in the first or second cache level), for each tile of pixels: bias, the whole sum, epilogue.
 */
export function emitDense(
  f: FunctionBuilder,
  generator: DenseGenerator,
  constants: Local,
  source: Local,
  output: Local,
): void {
  const { shape, image, tile, arithmetic, epilogue } = generator;
  const { window: w, inputChannels, outputChannels, groups } = shape;
  const sum = denseSum(shape, image, arithmetic);
  const columnPitch = w.strideX * inputChannels * arithmetic.elementBytes;
  const rowPitch = w.strideY * image.columns * inputChannels * arithmetic.elementBytes;
  // Rows that follow each other like the pixels within them are one long row.
  const oneRow = w.strideY * image.columns === w.outputWidth * w.strideX;
  const [outputRows, outputColumns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  const pixelBytes = outputChannels * epilogue.outputBytes;

  const [block, groupSource, groupOutput, x, out] = f.locals("i32", 5);
  f.get(constants).set(block).get(source).set(groupSource).get(output).set(groupOutput);
  f.repeat(groups, () => {
    for (const { count, channels } of outputBlocks(shape, tile)) {
      const layout = blockLayout(sum, channels, arithmetic, epilogue.parameterBytes);
      const tiles = pixelTiles(outputRows, outputColumns, tilePixels(tile, channels));
      f.repeat(count, () => {
        f.get(groupSource).set(x).get(groupOutput).set(out);
        for (const { count: rowTiles, size: rows } of tiles.rows) {
          f.repeat(rowTiles, () => {
            for (const { count: columnTiles, size: columns } of tiles.columns) {
              f.repeat(columnTiles, () => {
                const pixels = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);
                const accumulators = emitSum(f, {
                  sum,
                  arithmetic,
                  vectors: layout.vectors,
                  weights: block,
                  bias: layout.bias,
                  activations: x,
                  pixelOffsets: pixels.map(([row, column]) => row * rowPitch + column * columnPitch),
                });
                epilogue.emit(f, {
                  accumulators,
                  channels,
                  parameters: { base: block, offset: layout.parameters },
                  output: out,
                  outputOffsets: pixels.map(([row, column]) => (row * outputColumns + column) * pixelBytes),
                });
                f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
              });
            }
            f.advance(x, rows * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows - 1) * outputColumns * pixelBytes);
          });
        }
        f.advance(block, layout.bytes).advance(groupOutput, channels * epilogue.outputBytes);
      });
    }
    f.advance(groupSource, inputChannels / groups * arithmetic.elementBytes);
  });
}

interface TileSum {
  readonly sum: DenseSum;
  readonly arithmetic: DenseArithmetic;
  readonly vectors: number;
  readonly weights: Local;
  /** Offset of the biases from `weights`. */
  readonly bias: number;
  readonly activations: Local;
  readonly pixelOffsets: readonly number[];
}

/** A sum of at most this many steps is code without a loop. */
const STRAIGHT_STEPS = 16;
const STRAIGHT_RUN = 12;

/** Emits bias plus the whole sum of one tile; the accumulators are [vector][pixel]. */
function emitSum(f: FunctionBuilder, tile: TileSum): Local[][] {
  const { sum, arithmetic, vectors, weights, activations, pixelOffsets } = tile;
  const accumulators = Array.from({ length: vectors }, () => f.locals("v128", pixelOffsets.length));
  accumulators.forEach((row, v) => {
    f.get(weights).memory("v128.load", tile.bias + 16 * v).set(row[0]);
    for (const accumulator of row.slice(1)) f.get(row[0]).set(accumulator);
  });
  const weightVectors = f.locals("v128", vectors);
  const activation = f.local("v128");
  const stepWeights = vectors * arithmetic.weightVectorBytes;
  const step = (w: Local, weightOffset: number, a: Local, activationOffset: number): void => {
    weightVectors.forEach((vector, v) => {
      f.get(w).memory(arithmetic.loadWeights, weightOffset + v * arithmetic.weightVectorBytes).set(vector);
    });
    pixelOffsets.forEach((pixelOffset, pixel) => {
      f.get(a).memory("v128.load32_splat", pixelOffset + activationOffset).set(activation);
      weightVectors.forEach((vector, v) => {
        const accumulator = accumulators[v][pixel];
        f.get(accumulator).get(vector).get(activation).op(arithmetic.multiply, arithmetic.add).set(accumulator);
      });
    });
  };

  const { rows, runs, steps, runPitch, rowPitch } = sum;
  if (rows * runs * steps <= STRAIGHT_STEPS) {
    for (let i = 0; i < rows * runs * steps; i++) {
      const run = Math.floor(i / steps);
      const start = Math.floor(run / runs) * rowPitch + (run % runs) * runPitch;
      step(weights, i * stepWeights, activations, start + (i % steps) * 4);
    }
    return accumulators;
  }
  const [w, a] = f.locals("i32", 2);
  f.get(weights).set(w).get(activations).set(a);
  const { unroll, loops, rest } = unrollOf(steps);
  f.repeat(rows, () => {
    f.repeat(runs, () => {
      f.repeat(loops, () => {
        for (let i = 0; i < unroll; i++) step(w, i * stepWeights, a, 4 * i);
        f.advance(w, unroll * stepWeights).advance(a, 4 * unroll);
      });
      for (let i = 0; i < rest; i++) step(w, i * stepWeights, a, 4 * i);
      if (rows * runs > 1) f.advance(w, rest * stepWeights).advance(a, runPitch - 4 * unroll * loops);
    });
    if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
  });
  return accumulators;
}

/** Steps of one run: a loop of 4 to 8 with the least rest, or no loop. */
function unrollOf(steps: number): { unroll: number; loops: number; rest: number } {
  if (steps <= STRAIGHT_RUN) return { unroll: 0, loops: 0, rest: steps };
  const unroll = [8, 7, 6, 5, 4].reduce((best, u) => steps % u < steps % best ? u : best);
  return { unroll, loops: Math.floor(steps / unroll), rest: steps % unroll };
}
