import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { STEP_BYTES } from "./activation_loads.ts";
import { emitCorrections, emitNextCorrections } from "./corrections.ts";
import { blockLayout, type DenseGenerator, denseSum, outputBlocks, tilePixels } from "./dense_layout.ts";
import { denseBlocks } from "./dense_packing.ts";
import { pixelTiles } from "./pixel_tiles.ts";
import { emitSegmentedSum } from "./segmented_sum.ts";
import { emitTileSum } from "./tile_sum.ts";

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
  const { shape, image, tile, arithmetic, epilogue, segments } = generator;
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
  const corrections = segments?.corrections.length ? f.local("i32") : undefined;
  if (corrections !== undefined) {
    const blocksBytes = denseBlocks(generator).reduce((bytes, { layout }) => bytes + layout.bytes, 0);
    f.get(constants).i32(blocksBytes).op("i32.add").set(corrections);
  }
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
                const pointOffsets = pixels.map(([row, column]) => row * rowPitch + column * columnPitch);
                const tileSum = {
                  walk: {
                    ...sum,
                    activationPitch: STEP_BYTES,
                    weightPitch: layout.vectors * arithmetic.weightVectorBytes,
                  },
                  vectors: layout.vectors,
                  weights: block,
                  bias: layout.bias,
                  activations: x,
                  pointOffsets,
                };
                const accumulators = segments === undefined
                  ? emitTileSum(f, { ...tileSum, arithmetic })
                  : emitSegmentedSum(f, { ...tileSum, length: segments.length });
                if (corrections !== undefined) emitCorrections(f, corrections, x, pointOffsets, accumulators);
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
        if (corrections !== undefined) emitNextCorrections(f, corrections, layout);
        f.advance(block, layout.bytes).advance(groupOutput, channels * epilogue.outputBytes);
      });
    }
    f.advance(groupSource, inputChannels / groups * arithmetic.elementBytes);
  });
}
