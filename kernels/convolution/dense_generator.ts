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
 * @param activationSums what `emitActivationSums` wrote, which is taken off the sums
 */
export function emitDense(
  f: FunctionBuilder,
  generator: DenseGenerator,
  constants: Local,
  source: Local,
  output: Local,
  activationSums?: Local,
): void {
  const { shape, image, tile, arithmetic, epilogue, bytes } = generator;
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
  const corrections = bytes?.segments.corrections.length ? f.local("i32") : undefined;
  if (corrections !== undefined) {
    const blocksBytes = denseBlocks(generator).reduce((bytes, { layout }) => bytes + layout.bytes, 0);
    f.get(constants).i32(blocksBytes).op("i32.add").set(corrections);
  }
  // What is taken off the sums: of the group's first position, of the tile's, and how it moves on.
  const excess = activationSums && { group: f.local("i32"), tile: f.local("i32") };
  if (excess !== undefined) f.get(activationSums!).set(excess.group);
  const advanceExcess = (pixels: number): unknown => excess && f.advance(excess.tile, 4 * pixels);
  f.repeat(groups, () => {
    for (const { count, channels } of outputBlocks(shape, tile)) {
      const layout = blockLayout(sum, channels, arithmetic, epilogue.parameterBytes);
      const tiles = pixelTiles(outputRows, outputColumns, tilePixels(tile, channels));
      f.repeat(count, () => {
        f.get(groupSource).set(x).get(groupOutput).set(out);
        if (excess !== undefined) f.get(excess.group).set(excess.tile);
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
                const byteSum = bytes && {
                  ...tileSum,
                  length: bytes.segments.length,
                  sevenBits: bytes.sevenBits,
                  excess: excess && {
                    base: excess.tile,
                    offsets: pixels.map(([row, column]) => 4 * (row * outputColumns + column)),
                  },
                };
                const accumulators = byteSum === undefined
                  ? emitTileSum(f, { ...tileSum, arithmetic })
                  : emitSegmentedSum(f, byteSum);
                if (byteSum && corrections) emitCorrections(f, corrections, byteSum, accumulators);
                epilogue.emit(f, {
                  accumulators,
                  channels,
                  parameters: { base: block, offset: layout.parameters },
                  output: out,
                  outputOffsets: pixels.map(([row, column]) => (row * outputColumns + column) * pixelBytes),
                });
                f.advance(x, columns * columnPitch).advance(out, columns * pixelBytes);
                advanceExcess(columns);
              });
            }
            f.advance(x, rows * rowPitch - outputColumns * columnPitch);
            f.advance(out, (rows - 1) * outputColumns * pixelBytes);
            advanceExcess((rows - 1) * outputColumns);
          });
        }
        if (corrections !== undefined) emitNextCorrections(f, corrections, layout);
        f.advance(block, layout.bytes).advance(groupOutput, channels * epilogue.outputBytes);
      });
    }
    f.advance(groupSource, inputChannels / groups * arithmetic.elementBytes);
    if (excess !== undefined) f.advance(excess.group, 4 * outputRows * outputColumns);
  });
}
