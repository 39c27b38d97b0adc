import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import { type DenseGenerator, denseSum } from "./dense_layout.ts";

/** Bytes of `emitActivationSums`. */
export function activationSumsBytes({ shape }: Pick<DenseGenerator, "shape">): number {
  return 4 * shape.groups * shape.window.outputHeight * shape.window.outputWidth;
}

/** Vectors of activations whose int16 sums of pairs, at most 256 each, stay int16. */
const VECTORS = 64;

/**
 * Writes `factor` times the sum of the int8 activations that each output position reads, as int32: group by group, in
 * each all positions row by row. That is what weights that are `factor` too large add to every output.
 */
export function emitActivationSums(
  f: FunctionBuilder,
  generator: DenseGenerator,
  factor: number,
  source: Local,
  sums: Local,
): void {
  const { shape: { window: w, inputChannels, groups }, image, arithmetic } = generator;
  const sum = denseSum(generator.shape, image, arithmetic);
  const [groupSource, x, out, row, run] = f.locals("i32", 5);
  const [pairs, total] = f.locals("v128", 2);
  const emitRun = (): void => {
    for (let first = 0; first < sum.elements; first += 16 * VECTORS) {
      const count = Math.min(VECTORS, Math.ceil((sum.elements - first) / 16));
      f.v128(new Uint8Array(16)).set(pairs);
      for (let i = 0; i < count; i++) {
        const position = first + 16 * i;
        f.get(run).memory("v128.load", position);
        if (position + 16 > sum.elements) f.v128(firstBytes(sum.elements - position)).op("v128.and");
        f.op("i16x8.extadd_pairwise_i8x16_s").get(pairs).op("i16x8.add").set(pairs);
      }
      f.get(pairs).op("i32x4.extadd_pairwise_i16x8_s").get(total).op("i32x4.add").set(total);
    }
  };
  const emitPosition = (): void => {
    f.v128(new Uint8Array(16)).set(total);
    f.get(x).set(row);
    f.repeat(sum.rows, () => {
      f.get(row).set(run);
      f.repeat(sum.runs, () => {
        emitRun();
        f.advance(run, sum.runPitch);
      });
      f.advance(row, sum.runs === 1 ? sum.runPitch : sum.rowPitch);
    });
    for (const lanes of [2, 1]) {
      f.get(total).get(total).get(total).shuffle(rotatedWords(lanes)).op("i32x4.add").set(total);
    }
    f.get(total).v128(new Int32Array(4).fill(factor)).op("i32x4.mul").set(total);
    f.get(out).get(total).memoryLane("v128.store32_lane", 0, 0);
  };

  f.get(source).set(groupSource).get(sums).set(out);
  f.repeat(groups, () => {
    f.get(groupSource).set(x);
    f.repeat(w.outputHeight, () => {
      f.repeat(w.outputWidth, () => {
        emitPosition();
        f.advance(x, w.strideX * inputChannels).advance(out, 4);
      });
      f.advance(x, (w.strideY * image.columns - w.outputWidth * w.strideX) * inputChannels);
    });
    f.advance(groupSource, inputChannels / groups);
  });
}

/** A mask of the first `count` bytes. */
function firstBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => i < count ? 0xff : 0);
}

/** Byte lanes of a vector whose words are `words` further on. */
function rotatedWords(words: number): number[] {
  return Array.from({ length: 16 }, (_, i) => (i + 4 * words) % 16);
}
