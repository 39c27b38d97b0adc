import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/** float32 lanes of two vectors in turn: 0 and 1 of both, 2 and 3 of both. */
const INTERLEAVE = [
  [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23],
  [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31],
];

/**
 * Stores `accumulators[v][p]`, lanes of output channels 4v .. 4v + 3 at point p, as output[channel][p]: points lie next
 * to each other, channels `channelPitch` bytes apart. Two points at a time; the accumulators are used up.
 */
export function emitStoreTransposed(
  f: FunctionBuilder,
  accumulators: readonly (readonly Local[])[],
  channels: number,
  output: Local,
  channelPitch: number,
): void {
  const pair = f.local("v128");
  accumulators.forEach((points, v) => {
    const lanes = Math.min(4, channels - 4 * v);
    const offset = (lane: number, point: number): number => (4 * v + lane) * channelPitch + 4 * point;
    for (let point = 0; point < points.length; point += 2) {
      if (point + 1 === points.length) {
        for (let lane = 0; lane < lanes; lane++) {
          f.get(output).get(points[point]).memoryLane("v128.store32_lane", offset(lane, point), lane);
        }
        continue;
      }
      for (let lane = 0; lane < lanes; lane++) {
        if (lane % 2 === 0) f.get(points[point]).get(points[point + 1]).shuffle(INTERLEAVE[lane / 2]).set(pair);
        f.get(output).get(pair).memoryLane("v128.store64_lane", offset(lane, point), lane % 2);
      }
    }
  });
}
