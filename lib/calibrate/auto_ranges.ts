import { AUTO_METHOD, type CalibratedTensor, rangeOf, type WidthChoice } from "../format/calibration.ts";
import { CHOSEN_BITS, PLAIN_BITS } from "./choose_methods.ts";

/** The width beyond the chosen ones that activations may have; it takes the method of the widest. */
const WIDE_BITS = 16;

/** The tensors with the ranges that `auto` stands for beside those of the methods. */
export function withAutoRanges(
  tensors: readonly CalibratedTensor[],
  choices: Readonly<Record<string, WidthChoice>>,
): CalibratedTensor[] {
  const auto = (tensor: CalibratedTensor, symmetric: boolean) =>
    Object.fromEntries([...CHOSEN_BITS, WIDE_BITS].map((bits) => {
      const { activations } = choices[Math.min(bits, PLAIN_BITS)];
      return [bits, rangeOf({ tensors: [tensor] }, tensor.name, activations, bits, symmetric)];
    }));
  return tensors.map((tensor) => ({
    ...tensor,
    ranges: { ...tensor.ranges, [AUTO_METHOD]: auto(tensor, false) },
    ...(tensor.symmetricRanges &&
      { symmetricRanges: { ...tensor.symmetricRanges, [AUTO_METHOD]: auto(tensor, true) } }),
  }));
}
