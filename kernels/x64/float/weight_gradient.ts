import type { FloatWeightGradientProblem } from "../../../lib/arith/problem.ts";
import { borderedImage, isRegular } from "../../convolution/bordered_image.ts";
import { denseSum } from "../../convolution/dense_layout.ts";
import { balancedSplit } from "../../convolution/pixel_tiles.ts";
import { BORDER_BYTES, borderedBytes, emitBorderedBytes } from "../convolution/bordered_bytes.ts";
import { accumulatorsOf, VECTOR_BYTES } from "../convolution/tile_block.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { broadcast, k, masked, memory, type VectorRegister, zmm } from "../operands.ts";
import { LANES } from "./float_block.ts";

/** Vectors of points that lie next to each other in a whole tile, and its accumulators. */
const TILE = { vectors: 3, accumulators: 24 } as const;

/** Registers beside the accumulators: points, a gradient, a product. */
const POINTS = [zmm(24), zmm(25), zmm(26)] as const;
const GRADIENT = zmm(27);
const PRODUCTS = [zmm(28), zmm(29)] as const;

/** The mask of the last vector of a run, where points do not fill it. */
const TAIL = k(3);

/** The bytes of scratch for the activation with its padding, where there is any. */
export function activationBytes({ window, inputChannels }: FloatWeightGradientProblem): number {
  return borderedBytes(window, borderedImage(window), 4 * inputChannels);
}

/** The address of the activation as the taps read it: a copy in scratch that holds its padding, or the input itself. */
export function emitActivation(f: KernelFunction, { window, inputChannels }: FloatWeightGradientProblem): Pointer {
  const { constants, scratch, inputs: [input] } = f;
  const image = borderedImage(window);
  if (borderedBytes(window, image, 4 * inputChannels) === 0) return input;
  emitBorderedBytes(f, image, 4 * inputChannels, constants, input, scratch);
  return scratch;
}

/** Where the positions of every sum lie, in bytes; rows that follow each other without a gap are one. */
export function positionWalk({ window: w, inputChannels, outputChannels }: FloatWeightGradientProblem) {
  const columnPitch = 4 * w.strideX * inputChannels;
  const rowPitch = 4 * w.strideY * borderedImage(w).columns * inputChannels;
  const oneRow = rowPitch === w.outputWidth * columnPitch;
  const [rows, columns] = oneRow ? [1, w.outputHeight * w.outputWidth] : [w.outputHeight, w.outputWidth];
  return { rows, columns, columnPitch, rowPitch, gradientPitch: 4 * outputChannels };
}

/** `emitPosition` for every output position, with the pointers at its gradient and at the first tap. */
export function emitPositions(
  f: KernelFunction,
  problem: FloatWeightGradientProblem,
  g: Pointer,
  a: Pointer,
  emitPosition: () => void,
): void {
  const { rows, columns, columnPitch, rowPitch, gradientPitch } = positionWalk(problem);
  f.repeat(rows, () => {
    f.repeat(columns, () => {
      emitPosition();
      f.advance(g, gradientPitch).advance(a, columnPitch);
    });
    f.advance(a, rowPitch - columns * columnPitch);
  });
}

/**
 * The tile of outputs by points, pairs of a tap and an input channel in the order of the weights, at the three addresses:
 * vectors hold points, of which the last may be partly used.
 */
function emitTile(
  f: KernelFunction,
  problem: FloatWeightGradientProblem,
  { outputs, vectors, hasTail, outputPitch }: {
    readonly outputs: number;
    readonly vectors: number;
    readonly hasTail: boolean;
    /** Bytes from the weights of an output to those of the next. */
    readonly outputPitch: number;
  },
  [gradient, points, output]: readonly Pointer[],
): void {
  const accumulators = accumulatorsOf(outputs, vectors);
  for (const sum of accumulators.flat()) f.code.emit("vpxord", sum, sum, sum);
  const [g, a] = [f.take(), f.take()];
  f.set(g, gradient).set(a, points);
  emitPositions(f, problem, g, a, () => {
    for (let v = 0; v < vectors; v++) f.code.emit("vmovdqu32", POINTS[v], memory(a, VECTOR_BYTES * v));
    accumulators.forEach((sums, o) => emitProducts(f, sums, g, 4 * o));
  });
  f.free(g, a);
  accumulators.forEach((sums, o) =>
    sums.forEach((sum, v) => {
      const target = memory(output, o * outputPitch + VECTOR_BYTES * v);
      f.code.emit("vmovdqu32", hasTail && v === vectors - 1 ? masked(target, TAIL) : target, sum);
    })
  );
}

/** sums += points * the gradient at an address: product and sum are rounded one after the other. */
function emitProducts(f: KernelFunction, sums: readonly VectorRegister[], g: Pointer, offset: number): void {
  const source = memory(g, offset);
  if (sums.length > 1) f.code.emit("vpbroadcastd", GRADIENT, source);
  sums.forEach((sum, v) => {
    const product = PRODUCTS[v % PRODUCTS.length];
    f.code.emit("vmulps", product, POINTS[v], sums.length > 1 ? GRADIENT : broadcast(source));
    f.code.emit("vaddps", sum, sum, product);
  });
}

/** For each group, for each run of points that lie next to each other in memory, the tiles of all outputs. */
function generate(problem: FloatWeightGradientProblem): Uint8Array {
  const { window: w, inputChannels, outputChannels, groups } = problem;
  const { rows, runs, elements, runPitch, rowPitch } = denseSum(problem, borderedImage(w), {
    elementBytes: 4,
    elementsPerStep: 1,
  });
  const outputPitch = 4 * rows * runs * elements;
  const groupOutputs = outputChannels / groups;
  const tail = elements % LANES;
  const blocks = balancedSplit(Math.ceil(elements / LANES), TILE.vectors)
    .flatMap(({ count, size }, i, all) => {
      const isLast = tail > 0 && i === all.length - 1;
      const whole = { count: count - (isLast ? 1 : 0), size, hasTail: false };
      return isLast ? [whole, { count: 1, size, hasTail: true }] : [whole];
    });

  const f = new KernelFunction(2);
  const { constants, scratch, output, inputs: [input, g] } = f;
  const a = emitActivation(f, problem);
  f.free(constants, a === scratch ? input : scratch);
  if (tail > 0) f.mask(TAIL, (1 << tail) - 1);
  f.repeat(groups, () => {
    f.repeat(rows, () => {
      f.repeat(runs, () => {
        for (const { count, size: vectors, hasTail } of blocks) {
          f.repeat(count, () => {
            for (const { count, size } of balancedSplit(groupOutputs, Math.floor(TILE.accumulators / vectors))) {
              f.repeat(count, () => {
                emitTile(f, problem, { outputs: size, vectors, hasTail, outputPitch }, [g, a, output]);
                f.advance(g, 4 * size).advance(output, size * outputPitch);
              });
            }
            const points = hasTail ? LANES * (vectors - 1) + tail : LANES * vectors;
            f.advance(g, -4 * groupOutputs).advance(a, 4 * points);
            f.advance(output, 4 * points - groupOutputs * outputPitch);
          });
        }
        f.advance(a, runPitch - 4 * elements);
      });
      if (runs > 1) f.advance(a, rowPitch - runs * runPitch);
    });
    f.advance(a, 4 * inputChannels / groups - rows * (runs > 1 ? rowPitch : runPitch));
    f.advance(g, 4 * groupOutputs).advance(output, (groupOutputs - 1) * outputPitch);
  });
  return f.finish();
}

/** Gradients of the weights of dense and grouped float32 convolutions: the bits of the reference. */
export const FLOAT_WEIGHT_GRADIENT_KERNELS: readonly NativeKernel<FloatWeightGradientProblem>[] = [{
  target: "x64",
  name: `f32_convwgrad_${TILE.accumulators / TILE.vectors}x${LANES * TILE.vectors}__avx512`,
  kind: "float_weight_gradient",
  supports: ({ window }) => isRegular(window),
  pack: () => new Uint8Array(BORDER_BYTES),
  scratchBytes: activationBytes,
  generate,
}];
