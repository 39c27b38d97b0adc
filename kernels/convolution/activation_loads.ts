import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** Bytes of activations that a point has in a step. */
export const STEP_BYTES = 4;
const STEPS_PER_LOAD = 16 / STEP_BYTES;

/** Sets the 32-bit lanes of `target` to the activations of a point in a step. Each point's steps are asked for in order. */
export type ActivationLoader = (step: number, point: number, target: Local) => void;

/**
 * Loads of the activations of `count` steps from `offset` bytes after the local given, at some points. Steps that are
 * neighbours in memory share a load, up to 12 bytes of which lie beyond the steps: engines that check the bounds of each
 * access make one load and four shuffles cheaper than four loads.
 */
export function activationLoads(
  f: FunctionBuilder,
  pointOffsets: readonly number[],
  pitch: number,
): (count: number, activations: Local, offset: number) => ActivationLoader {
  const loaded = f.locals("v128", pointOffsets.length);
  return (count, activations, offset) => (step, point, target) => {
    const position = pointOffsets[point] + offset + step * pitch;
    const lane = pitch === STEP_BYTES ? step % STEPS_PER_LOAD : 0;
    if (pitch !== STEP_BYTES || (lane === 0 && step + 1 === count)) {
      f.get(activations).memory("v128.load32_splat", position).set(target);
      return;
    }
    if (lane === 0) f.get(activations).memory("v128.load", position).set(loaded[point]);
    f.get(loaded[point]).get(loaded[point]).shuffle(splatLane(lane)).set(target);
  };
}

/** Byte lanes of a vector whose four words are word `lane`. */
function splatLane(lane: number): number[] {
  return Array.from({ length: 16 }, (_, i) => 4 * lane + (i & 3));
}
