import type { IntegerNetwork } from "../format/network.ts";

/** One unit of a gate's input, Q3.12. */
const GATE_SCALE = 2 ** -12;

/**
 * The real value of one unit of a tensor's integers: one number, or one per channel (innermost in memory) for an
 * accumulator. The network states only the scale of an accumulator's channel 0; the others follow from the addition that
 * reads it, whose multiplier of channel c is b_c = 2^shift * S_c / S_out, so
 *
 *     S_c = b_c * S_out / 2^shift
 *
 * to the precision with which the network itself uses it; or from the LSTM or GRU, whose gates are in Q3.12. Undefined where
 * nothing tells.
 */
export function realScales(network: IntegerNetwork, name: string): Float64Array | undefined {
  const { scale, perChannel } = network.tensors.get(name)!;
  if (!perChannel) return Float64Array.of(scale);
  for (const { problem, inputs, output } of network.steps) {
    const position = inputs.indexOf(name);
    if (position === 0 && (problem?.kind === "lstm" || problem?.kind === "gru")) {
      return Float64Array.from(problem.inputMultipliers, (b) => b * GATE_SCALE / 2 ** problem.shift);
    }
    if (position < 0 || problem?.kind !== "sum") continue;
    const unit = network.tensors.get(output)!.scale / 2 ** problem.shift;
    return Float64Array.from(problem.terms[position].multipliers, (b) => b * unit);
  }
  return undefined;
}
