import { ACCUMULATOR_MAX } from "../arith/bounds.ts";
import { roundHalfUp } from "../arith/round.ts";
import type { Node } from "../ir/graph.ts";
import { nodeError } from "./operator_error.ts";

/**
 * B = round(bias / (S_w S_a)) per output channel (DESIGN section 4), 0 where there is no bias.
 * @throws DyadError naming the channel when B does not fit int32.
 */
export function integerBias(
  node: Node<unknown>,
  bias: Float64Array | undefined,
  accumulatorScales: Float64Array,
): Int32Array {
  return Int32Array.from(accumulatorScales, (scale, channel) => {
    const value = bias === undefined ? 0 : roundHalfUp(bias[channel] / scale);
    if (Math.abs(value) > ACCUMULATOR_MAX) {
      throw nodeError(
        node,
        `output channel ${channel}: the bias ${bias![channel]} is ${value} in units of the accumulator (${scale}), ` +
          `beyond int32; use more weight bits or a wider activation range for this layer`,
      );
    }
    return value;
  });
}
