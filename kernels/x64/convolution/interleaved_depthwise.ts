import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { readsPadding } from "../../../lib/tensor/window.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { k, masked, memory, type VectorRegister, xmm, ymm, zmm } from "../operands.ts";
import { roundingConstant } from "../requantization.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes, writeBorder } from "./bordered_bytes.ts";
import { foldedBias } from "./channel_block.ts";
import { emitOddMask, isNarrow, LOWER_TO_UPPER, ODD_ELEMENTS } from "./narrow_outputs.ts";
import { bestTapGroups, GROUP_TAPS, type TapGroups, tapGroups } from "./tap_groups.ts";

/**
 * Depthwise convolution by products of four bytes: four neighbouring pixels of a row, W channels each, are unpacked into
 * four vectors ("quarters") of W / 4 channels whose elements hold the four pixels of a channel. A group of pixels serves
 * all outputs whose windows meet it, each by weights that stand at the bytes of its taps, and all rows of the tile.
 *
 * Unpacking works in parts of 128 bits: element 4 l + j of quarter q is channel 16 l + 4 q + j. Packing the results the
 * same way brings channels back into order.
 */
interface Block {
  readonly channels: number;
  /** Bytes of its vectors: channels of one, rounded up. */
  readonly width: 16 | 32 | 64;
}

const QUARTERS = 4;
const BLOCK_MAX = 64;
/** Accumulators of a tile, in registers 0..15. */
const ACCUMULATORS = 16;
const ROWS_MAX = 2;
/** Larger windows would be long code. */
const TAPS_MAX = 49;

/** Constants before the blocks: the border's value, then the zero point as int16, and both limits as bytes. */
const ZERO_POINT = BORDER_BYTES;
const LOWEST = ZERO_POINT + 64;
const HIGHEST = LOWEST + 64;
const HEADER_BYTES = HIGHEST + 64;

/** Parameters of a quarter, a vector each: multipliers, rounding constants and shifts of even, then of odd elements. */
const PARAMETERS = 6;

const TAIL = k(3);

function blocksOf(channels: number): { readonly count: number; readonly block: Block }[] {
  const rest = channels % BLOCK_MAX;
  return [
    { count: Math.floor(channels / BLOCK_MAX), block: { channels: BLOCK_MAX, width: 64 as const } },
    {
      count: Math.sign(rest),
      block: { channels: rest, width: rest <= 16 ? 16 as const : rest <= 32 ? 32 as const : 64 as const },
    },
  ].filter(({ count }) => count > 0);
}

/** Distinct places of weights within a group: taps of its first pixel. */
function placesOf({ ofOutput }: TapGroups): number[] {
  return [...new Set(ofOutput.flat().map(({ firstTap }) => firstTap))].sort((a, b) => a - b);
}

/** Byte positions in a block, whose vectors are of `width` bytes. */
function layoutOf({ window }: ConvolutionProblem, { width }: Block) {
  const places = placesOf(bestTapGroups(window));
  const bias = window.kernelHeight * places.length * QUARTERS * width;
  const parameters = bias + QUARTERS * width;
  return {
    places,
    weights: (row: number, place: number, quarter: number) =>
      ((row * places.length + places.indexOf(place)) * QUARTERS + quarter) * width,
    bias: (quarter: number) => bias + quarter * width,
    parameters: (quarter: number) => parameters + quarter * PARAMETERS * width,
    bytes: parameters + QUARTERS * PARAMETERS * width,
  };
}

function pack(problem: ConvolutionProblem): Uint8Array {
  const { window: { kernelHeight, kernelWidth }, inputChannels, inputZeroPoint, weights, output } = problem;
  if (output === undefined) throw new RangeError("this kernel requantizes");
  const blocks = blocksOf(inputChannels).flatMap(({ count, block }) => new Array<Block>(count).fill(block));
  const size = blocks.reduce((bytes, block) => bytes + layoutOf(problem, block).bytes, HEADER_BYTES);
  const constants = new Uint8Array(size);
  const view = new DataView(constants.buffer);
  writeBorder(constants, 0, inputZeroPoint);
  for (let i = 0; i < 32; i++) view.setInt16(ZERO_POINT + 2 * i, output.zeroPoint, true);
  constants.fill(output.low, LOWEST, LOWEST + 64).fill(output.high, HIGHEST, HIGHEST + 64);
  let start = HEADER_BYTES;
  let first = 0;
  for (const block of blocks) {
    const layout = layoutOf(problem, block);
    for (let c = 0; c < block.channels; c++) {
      const channel = first + c;
      const quarter = c % 16 >> 2;
      const element = 4 * (c >> 4) + c % 4;
      for (let row = 0; row < kernelHeight; row++) {
        for (const place of layout.places) {
          const at = start + layout.weights(row, place, quarter) + 4 * element;
          for (let j = 0; j < GROUP_TAPS; j++) {
            const tap = place + j;
            if (tap < 0 || tap >= kernelWidth) continue;
            view.setInt8(at + j, weights[(channel * kernelHeight + row) * kernelWidth + tap]);
          }
        }
      }
      view.setInt32(start + layout.bias(quarter) + 4 * element, foldedBias(problem, channel), true);
      const parameters = [
        BigInt(output.multipliers[channel]),
        roundingConstant(output.shifts[channel]),
        BigInt(output.shifts[channel]),
      ];
      parameters.forEach((value, i) => {
        const vector = 2 * i + element % 2;
        view.setBigInt64(start + layout.parameters(quarter) + vector * block.width + 8 * (element >> 1), value, true);
      });
    }
    start += layout.bytes;
    first += block.channels;
  }
  return constants;
}

const registerOf = (width: Block["width"]): (number: number) => VectorRegister =>
  width === 64 ? zmm : width === 32 ? ymm : xmm;

/** Sums of output (row, column), a register for each quarter. */
type Accumulators = readonly (readonly (readonly VectorRegister[])[])[];

/** Row by row, so that a row's image stays in the first cache level while all blocks of channels read it. */
function generate(problem: ConvolutionProblem): Uint8Array {
  const { window: w, inputChannels: channels } = problem;
  const image = borderedImage(w);
  const columnPitch = w.strideX * channels;
  const rowPitch = w.strideY * image.columns * channels;
  const best = bestTapGroups(w);
  const rowsOfTile = Math.min(ROWS_MAX, Math.floor(ACCUMULATORS / QUARTERS / best.outputs));

  const f = new KernelFunction(1);
  const { constants, scratch, output: rowOutput, inputs: [input] } = f;
  const rowSource = readsPadding(w) ? scratch : input;
  if (readsPadding(w)) emitBorderedBytes(f, image, channels, constants, input, scratch);
  f.free(readsPadding(w) ? input : scratch);
  emitOddMask(f);
  LIMITS.forEach((register, i) => f.code.emit("vmovdqu32", register(64), memory(constants, ZERO_POINT + 64 * i)));
  f.advance(constants, HEADER_BYTES);
  const [block, x, out] = [f.take(), f.take(), f.take()];
  for (const { count: rowTiles, size: rows } of partsOf(w.outputHeight, rowsOfTile)) {
    f.repeat(rowTiles, () => {
      f.set(block, constants);
      for (const { count, block: { channels: blockChannels, width } } of blocksOf(channels)) {
        const layout = layoutOf(problem, { channels: blockChannels, width });
        if (blockChannels < width) f.firstElements(TAIL, blockChannels);
        f.repeat(count, () => {
          f.set(x, rowSource).set(out, rowOutput);
          for (const { count: columnTiles, size: columns } of partsOf(w.outputWidth, best.outputs)) {
            const groups = tapGroups(w, columns);
            const accumulators: Accumulators = Array.from(
              { length: rows },
              (_, row) =>
                Array.from(
                  { length: columns },
                  (_, column) =>
                    Array.from({ length: QUARTERS }, (_, q) =>
                      registerOf(width)((row * columns + column) * QUARTERS + q)),
                ),
            );
            f.repeat(columnTiles, () => {
              emitSums(f, problem, accumulators, groups, layout, width, block, x, image.columns);
              emitResults(f, accumulators, layout, width, block);
              accumulators.forEach((ofRow, row) => {
                ofRow.forEach(([result], column) => {
                  const target = memory(out, (row * w.outputWidth + column) * channels);
                  f.code.emit("vmovdqu8", blockChannels < width ? masked(target, TAIL) : target, result);
                });
              });
              f.advance(x, columns * columnPitch).advance(out, columns * channels);
            });
          }
          f.advance(block, layout.bytes).advance(rowSource, blockChannels).advance(rowOutput, blockChannels);
        });
      }
      f.advance(rowSource, rows * rowPitch - channels);
      f.advance(rowOutput, (rows * w.outputWidth - 1) * channels);
    });
  }
  return f.finish();
}

/** `total` in parts of `size` and one that is less. */
function partsOf(total: number, size: number): { readonly count: number; readonly size: number }[] {
  return [{ count: Math.floor(total / size), size }, { count: Math.sign(total % size), size: total % size }]
    .filter(({ count }) => count > 0);
}

/** Registers beside the accumulators: four pixels and what unpacking makes of them, later parameters; limits. */
const WORK = 16;
const PARAMETER_REGISTERS = 20;
const TEMPORARIES = 2;
const LIMITS = [29, 30, 31].map((number) => (width: Block["width"]) => registerOf(width)(number));

/** Bias and all products of a tile. */
function emitSums(
  f: KernelFunction,
  { window: w, inputChannels: channels }: ConvolutionProblem,
  accumulators: Accumulators,
  { groups, ofOutput, pixels }: TapGroups,
  layout: ReturnType<typeof layoutOf>,
  width: Block["width"],
  block: Pointer,
  x: Pointer,
  imageColumns: number,
): void {
  const [a, b, c, d, low, high, nextLow, nextHigh] = Array.from({ length: 8 }, (_, i) => registerOf(width)(WORK + i));
  const quarters = [a, b, c, d];
  for (const ofColumn of accumulators.flat()) {
    ofColumn.forEach((sum, q) => f.code.emit("vmovdqu32", sum, memory(block, layout.bias(q))));
  }
  const tapRows = accumulators.flatMap((_, row) =>
    Array.from({ length: w.kernelHeight }, (_, tap) => ({ row, tap, y: row * w.strideY + tap * w.dilationY }))
  );
  for (const y of [...new Set(tapRows.map((tapRow) => tapRow.y))].sort((first, second) => first - second)) {
    for (let group = 0; group < groups; group++) {
      quarters.forEach((register, j) => {
        // Behind the last pixel that is read only weights of 0 stand.
        const pixel = Math.min(GROUP_TAPS * group + j, pixels - 1);
        f.code.emit("vmovdqu32", register, memory(x, (y * imageColumns + pixel) * channels));
      });
      f.code.emit("vpunpcklbw", low, a, b).emit("vpunpckhbw", high, a, b);
      f.code.emit("vpunpcklbw", nextLow, c, d).emit("vpunpckhbw", nextHigh, c, d);
      f.code.emit("vpunpcklwd", a, low, nextLow).emit("vpunpckhwd", b, low, nextLow);
      f.code.emit("vpunpcklwd", c, high, nextHigh).emit("vpunpckhwd", d, high, nextHigh);
      for (const { row, tap } of tapRows.filter((tapRow) => tapRow.y === y)) {
        accumulators[row].forEach((sums, column) => {
          for (const { firstTap } of ofOutput[column].filter((met) => met.group === group)) {
            sums.forEach((sum, q) => {
              f.code.emit("vpdpbusd", sum, quarters[q], memory(block, layout.weights(tap, firstTap, q)));
            });
          }
        });
      }
    }
  }
}

/**
 * Requantizes the sums of a tile: q = min(max(((acc b + 2^(c-1)) >> c) + Z, low), high) where `isNarrow`, so that what is
 * shifted is an int32. Adding Z and packing to bytes saturate, which the limits 0 <= low <= high <= 255 hide. The
 * result is the first register of each output, its channels in order.
 */
function emitResults(
  f: KernelFunction,
  accumulators: Accumulators,
  layout: ReturnType<typeof layoutOf>,
  width: Block["width"],
  block: Pointer,
): void {
  const outputs = accumulators.flat();
  const at = Array.from({ length: PARAMETERS }, (_, i) => registerOf(width)(PARAMETER_REGISTERS + i));
  const [evenMultiplier, oddMultiplier, evenRounding, oddRounding, evenShift, oddShift] = at;
  for (let q = 0; q < QUARTERS; q++) {
    at.forEach((register, i) => f.code.emit("vmovdqu32", register, memory(block, layout.parameters(q) + i * width)));
    outputs.forEach((sums, i) => {
      const [even, odd] = [sums[q], registerOf(width)(WORK + i % TEMPORARIES)];
      f.code.emit("vpsrlq", odd, even, 32);
      f.code.emit("vpmuldq", even, even, evenMultiplier).emit("vpmuldq", odd, odd, oddMultiplier);
      f.code.emit("vpaddq", even, even, evenRounding).emit("vpaddq", odd, odd, oddRounding);
      f.code.emit("vpsravq", even, even, evenShift).emit("vpsravq", odd, odd, oddShift);
      f.code.emit("vpshufd", masked(even, ODD_ELEMENTS), odd, LOWER_TO_UPPER);
    });
  }
  const [zeroPoint, lowest, highest] = LIMITS.map((register) => register(width));
  for (const [q0, q1, q2, q3] of outputs) {
    f.code.emit("vpackssdw", q0, q0, q1).emit("vpackssdw", q2, q2, q3);
    f.code.emit("vpaddsw", q0, q0, zeroPoint).emit("vpaddsw", q2, q2, zeroPoint);
    f.code.emit("vpackuswb", q0, q0, q2).emit("vpmaxub", q0, q0, lowest).emit("vpminub", q0, q0, highest);
  }
}

/** Depthwise convolutions of uint8 activations and int8 weights to uint8, of scales below 1. */
export const INTERLEAVED_DEPTHWISE_KERNELS: readonly NativeKernel<ConvolutionProblem>[] = [{
  target: "x64",
  name: `qu8_qs8c_dwconv_${BLOCK_MAX}x${ACCUMULATORS / QUARTERS}__avx512vnni`,
  kind: "convolution",
  supports: ({ window, groups, inputChannels, outputChannels, output }) =>
    isRegular(window) && groups === inputChannels && groups === outputChannels && window.dilationX === 1 &&
    window.kernelHeight * window.kernelWidth <= TAPS_MAX &&
    output?.dtype === "u8" && isNarrow(output),
  pack,
  scratchBytes: ({ window, inputChannels }) => borderedBytes(window, borderedImage(window), inputChannels),
  generate,
}];
