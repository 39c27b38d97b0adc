import { STEP_BYTES } from "../convolution/activation_loads.ts";
import { outputBlocks } from "../convolution/dense_layout.ts";
import type { Epilogue } from "../convolution/epilogue.ts";
import { balancedSplit } from "../convolution/pixel_tiles.ts";
import { emitTileSum } from "../convolution/tile_sum.ts";
import { INT16_DOT } from "../convolution/kernel.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import {
  INPUT_EXTENT,
  inputTransform,
  OUTPUT_EXTENT,
  outputTransform,
  PRODUCTS,
  quotient,
} from "./minimal_filtering.ts";
import { emitTiles, stripTiles, winogradBlock, type WinogradLayout } from "./tiles.ts";

/** Addresses: `image` of uint8 with its border, and scratch for transformed inputs and for sums, as `stripBytes` says. */
export interface WinogradAddresses {
  readonly constants: Local;
  readonly image: Local;
  readonly inputs: Local;
  readonly sums: Local;
  readonly output: Local;
}

/** Strip by strip: inputs are transformed; then, for each block of outputs, products are summed and transformed back. */
export function emitWinograd(
  f: FunctionBuilder,
  layout: WinogradLayout,
  epilogue: Epilogue,
  addresses: WinogradAddresses,
): void {
  const { shape, columns, strips } = layout;
  const [first, block, out] = f.locals("i32", 3);
  f.i32(0).set(first);
  for (const { count, size: rows } of strips) {
    f.repeat(count, () => {
      emitInputs(f, layout, rows, first, addresses);
      f.get(addresses.constants).set(block).get(addresses.output).set(out);
      for (const { count: blocks, channels } of outputBlocks(shape, layout.tile)) {
        f.repeat(blocks, () => {
          emitSums(f, layout, rows * columns, channels / 4, block, addresses);
          emitOutputs(f, layout, rows, first, channels, epilogue, { ...addresses, block, out });
          f.advance(block, winogradBlock(shape, channels, epilogue).bytes).advance(
            out,
            channels * epilogue.outputBytes,
          );
        });
      }
      f.advance(first, rows * OUTPUT_EXTENT);
    });
  }
}

const EXTENTS = Array.from({ length: INPUT_EXTENT }, (_, i) => i);

/** Transforms the inputs of all tiles of a strip, eight channels at a time. */
function emitInputs(
  f: FunctionBuilder,
  layout: WinogradLayout,
  rows: number,
  first: Local,
  { image, inputs }: WinogradAddresses,
): void {
  const { shape: { inputChannels }, image: { columns: imageColumns } } = layout;
  const pitch = stripTiles(layout) * 2 * inputChannels;
  const [from, to] = f.locals("i32", 2);
  const transform = inputTransform(f);
  const loaded = f.locals("v128", INPUT_EXTENT);
  const half = EXTENTS.map(() => f.locals("v128", INPUT_EXTENT));
  f.get(inputs).set(to);
  emitTiles(f, layout, rows, first, (row, column) => {
    f.get(row).i32(imageColumns).op("i32.mul").get(column).op("i32.add").i32(inputChannels).op("i32.mul");
    f.get(image).op("i32.add").set(from);
    f.repeat(inputChannels / 8, () => {
      for (const x of EXTENTS) {
        for (const y of EXTENTS) {
          f.get(from).memory("v128.load8x8_u", (y * imageColumns + x) * inputChannels).set(loaded[y]);
        }
        transform(loaded, half.map((line) => line[x]));
      }
      for (const y of EXTENTS) {
        transform(half[y], loaded);
        for (const x of EXTENTS) {
          f.get(to).get(loaded[x]).memory("v128.store", (y * INPUT_EXTENT + x) * pitch);
        }
      }
      f.advance(from, 8).advance(to, 16);
    });
  });
}

/** Sums of products over channels, for each of the 36 products of `tiles` tiles a matrix product. */
function emitSums(
  f: FunctionBuilder,
  layout: WinogradLayout,
  tiles: number,
  vectors: number,
  block: Local,
  { inputs, sums }: WinogradAddresses,
): void {
  const { shape: { inputChannels } } = layout;
  const [weights, start, from, to, target] = f.locals("i32", 5);
  const inputBytes = 2 * inputChannels;
  const sumBytes = 16 * vectors;
  const steps = inputChannels / 2;
  const weightPitch = vectors * INT16_DOT.weightVectorBytes;
  const walk = {
    rows: 1,
    runs: 1,
    steps,
    activationPitch: STEP_BYTES,
    runPitch: inputBytes,
    rowPitch: inputBytes,
    weightPitch,
  };
  f.get(block).set(weights).get(inputs).set(start).get(sums).set(target);
  f.repeat(PRODUCTS, () => {
    f.get(start).set(from).get(target).set(to);
    for (const { count, size } of balancedSplit(tiles, layout.tile.tiles)) {
      f.repeat(count, () => {
        const points = Array.from({ length: size }, (_, point) => point);
        const pointOffsets = points.map((point) => point * inputBytes);
        const tile = { arithmetic: INT16_DOT, walk, vectors, weights, activations: from, pointOffsets };
        emitTileSum(f, tile).forEach((row, v) =>
          row.forEach((sum, point) => f.get(to).get(sum).memory("v128.store", point * sumBytes + 16 * v))
        );
        f.advance(from, size * inputBytes).advance(to, size * sumBytes);
      });
    }
    f.advance(weights, steps * weightPitch).advance(start, stripTiles(layout) * inputBytes);
    f.advance(target, stripTiles(layout) * sumBytes);
  });
}

/** Transforms the sums of a block back, and stores its outputs, four channels of a tile at a time. */
function emitOutputs(
  f: FunctionBuilder,
  layout: WinogradLayout,
  rows: number,
  first: Local,
  channels: number,
  epilogue: Epilogue,
  { block, out, sums }: WinogradAddresses & { readonly block: Local; readonly out: Local },
): void {
  const { shape: { window: w, outputChannels } } = layout;
  const { bias: biasOffset, parameters: parametersOffset, vectors } = winogradBlock(layout.shape, channels, epilogue);
  const pixelBytes = outputChannels * epilogue.outputBytes;
  const pitch = stripTiles(layout) * 16 * vectors;
  const [from, to, biases, parameters] = f.locals("i32", 4);
  const bias = f.local("v128");
  const transform = outputTransform(f);
  const divide = quotient(f);
  const loaded = f.locals("v128", INPUT_EXTENT);
  const half = Array.from({ length: OUTPUT_EXTENT }, () => f.locals("v128", INPUT_EXTENT));
  const pixels = Array.from(
    { length: OUTPUT_EXTENT ** 2 },
    (_, i) => [Math.floor(i / OUTPUT_EXTENT), i % OUTPUT_EXTENT],
  );
  const outputOffsets = pixels.map(([y, x]) => (y * w.outputWidth + x) * pixelBytes);
  f.get(sums).set(from);
  emitTiles(f, layout, rows, first, (row, column) => {
    f.get(row).i32(w.outputWidth).op("i32.mul").get(column).op("i32.add").i32(pixelBytes).op("i32.mul");
    f.get(out).op("i32.add").set(to);
    f.get(block).i32(biasOffset).op("i32.add").set(biases);
    f.get(block).i32(parametersOffset).op("i32.add").set(parameters);
    f.repeat(vectors, () => {
      for (const x of EXTENTS) {
        for (const y of EXTENTS) f.get(from).memory("v128.load", (y * INPUT_EXTENT + x) * pitch).set(loaded[y]);
        transform(loaded, half.map((line) => line[x]));
      }
      f.get(biases).memory("v128.load").set(bias);
      const accumulators = half.flatMap((line) => {
        const outputs = f.locals("v128", OUTPUT_EXTENT);
        transform(line, outputs);
        for (const output of outputs) {
          divide(output);
          f.get(output).get(bias).op("i32x4.add").set(output);
        }
        return outputs;
      });
      epilogue.emit(f, {
        accumulators: [accumulators],
        channels: 4,
        parameters: { base: parameters, offset: 0 },
        output: to,
        outputOffsets,
      });
      f.advance(from, 16).advance(to, 4 * epilogue.outputBytes);
      f.advance(biases, 16).advance(parameters, epilogue.parameterBytes);
    });
  });
}
