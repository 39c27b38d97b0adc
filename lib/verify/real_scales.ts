import { isRecurrence } from "../arith/problem.ts";
import type { IntegerNetwork } from "../format/network.ts";

/** Fraction bits of a gate's input, Q3.12. */
const GATE_BITS = 12;

/**
 * The real value of one unit of a tensor's integers: one number, or one per channel (innermost in memory) for an
 * accumulator. The network states only the scale of an accumulator's channel 0; the others follow from the addition that
 * reads it, whose multiplier of channel c is b_c = 2^shift * S_c / S_out, so
 *
 *     S_c = b_c * S_out / 2^shift
 *
 * to the precision with which the network itself uses it; or from the recurrence, whose gates have a scale of their own (of LSTMs and GRUs Q3.12). Undefined where
 * nothing tells.
 */
export function realScales(network: IntegerNetwork, name: string): Float64Array | undefined {
  const { scale, perChannel } = network.tensors.get(name)!;
  if (!perChannel) return Float64Array.of(scale);
  for (const { problem, inputs, output } of network.steps) {
    const position = inputs.indexOf(name);
    if (position === 0 && isRecurrence(problem)) {
      const bits = problem.kind === "rnn" ? problem.argumentBits : GATE_BITS;
      return Float64Array.from(problem.inputMultipliers, (b) => b / 2 ** (problem.shift + bits));
    }
    if (position < 0 || problem?.kind !== "sum") continue;
    const unit = network.tensors.get(output)!.scale / 2 ** problem.shift;
    return Float64Array.from(problem.terms[position].multipliers, (b) => b * unit);
  }
  return undefined;
}
