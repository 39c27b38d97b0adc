import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";

/**
 * Stores `accumulators[v][p]`, lanes of output channels 4v .. 4v + 3 at point p, as output[channel][p]: points lie next
 * to each other, channels `channelPitch` bytes apart.
 */
export function emitStoreTransposed(
  f: FunctionBuilder,
  accumulators: readonly (readonly Local[])[],
  channels: number,
  output: Local,
  channelPitch: number,
): void {
  accumulators.forEach((points, v) => {
    for (let lane = 0; lane < Math.min(4, channels - 4 * v); lane++) {
      points.forEach((accumulator, point) => {
        f.get(output).get(accumulator).memoryLane("v128.store32_lane", (4 * v + lane) * channelPitch + 4 * point, lane);
      });
    }
  });
}
