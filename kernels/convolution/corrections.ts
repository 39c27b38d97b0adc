import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { BlockLayout } from "./constant_blocks.ts";
import type { DenseSum } from "./dense_layout.ts";
import type { DenseBlock } from "./dense_packing.ts";
import { emitByteDot, type SegmentedSum, widener } from "./segmented_sum.ts";
import { ELEMENTS_PER_STEP } from "./segments.ts";

/**
 * Steps of their own, behind the blocks in `constants`. For each block: their number, then for each of them the byte
 * offset of its activations and its weights, all in units of 16 bytes.
 */
const HEAD = 16;

/** @param positions of weights that are added apart, in the problem's weights */
export function packCorrections(
  blocks: readonly DenseBlock[],
  sum: DenseSum,
  weights: Int8Array,
  positions: readonly number[],
): Uint8Array {
  const perOutput = sum.rows * sum.runs * sum.elements;
  const parts: Uint8Array[] = [];
  let next = 0;
  for (const { channel, channels, layout } of blocks) {
    const entries = new Map<number, Uint8Array>();
    const stepBytes = HEAD + 16 * layout.vectors;
    for (; next < positions.length && positions[next] < (channel + channels) * perOutput; next++) {
      const output = Math.floor(positions[next] / perOutput) - channel;
      const within = positions[next] % perOutput;
      const run = Math.floor(within / sum.elements);
      const k = within % sum.elements;
      const offset = activationOffset(sum, run, Math.floor(k / ELEMENTS_PER_STEP));
      let entry = entries.get(offset);
      if (entry === undefined) entries.set(offset, entry = new Uint8Array(stepBytes));
      new DataView(entry.buffer).setInt32(0, offset, true);
      entry[HEAD + output * ELEMENTS_PER_STEP + k % ELEMENTS_PER_STEP] = weights[positions[next]];
    }
    const head = new Uint8Array(HEAD);
    new DataView(head.buffer).setInt32(0, entries.size, true);
    parts.push(head, ...entries.values());
  }
  const packed = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}

/** Byte offset of a step's activations from those of its tile. */
function activationOffset({ runs, runPitch, rowPitch }: DenseSum, run: number, step: number): number {
  return Math.floor(run / runs) * rowPitch + (run % runs) * runPitch + step * ELEMENTS_PER_STEP;
}

/** Adds the corrections of the block at `list` to the accumulators of a tile. */
export function emitCorrections(
  f: FunctionBuilder,
  list: Local,
  { activations, pointOffsets, sevenBits }: Pick<SegmentedSum, "activations" | "pointOffsets" | "sevenBits">,
  accumulators: readonly Local[][],
): void {
  const [entry, at] = f.locals("i32", 2);
  const weights = f.local("v128");
  const splats = f.locals("v128", pointOffsets.length);
  const widen = widener(f);
  f.get(list).set(entry);
  f.get(list).memory("i32.load").repeatDynamic(() => {
    f.get(activations).get(entry).memory("i32.load", HEAD).op("i32.add").set(at);
    splats.forEach((splat, p) => f.get(at).memory("v128.load32_splat", pointOffsets[p]).set(splat));
    accumulators.forEach((row, v) => {
      f.get(entry).memory("v128.load", 2 * HEAD + 16 * v).set(weights);
      row.forEach((accumulator, p) => {
        emitByteDot(f, sevenBits, weights, splats[p]);
        widen(accumulator);
      });
    });
    f.advance(entry, HEAD + 16 * accumulators.length);
  });
}

/** Moves `list` to the next block. */
export function emitNextCorrections(f: FunctionBuilder, list: Local, { vectors }: BlockLayout): void {
  f.get(list).memory("i32.load").i32(HEAD + 16 * vectors).op("i32.mul").get(list).op("i32.add").set(list);
  f.advance(list, HEAD);
}
