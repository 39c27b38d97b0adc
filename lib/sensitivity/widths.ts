import { weightFormatName } from "../format/plan.ts";
import type { FrameLayer } from "./frame.ts";

/** The names of how a layer's candidates store its weights, each once, in their order. */
export function weightFormats({ candidates }: Pick<FrameLayer, "candidates">): string[] {
  return [...new Set(candidates.map(weightFormatName))];
}

/** The activation widths of a layer's candidates that change its input, each once, in their order. */
export function activationWidths(
  { candidates, exactActivationBits }: Pick<FrameLayer, "candidates" | "exactActivationBits">,
): number[] {
  return [...new Set(candidates.map(({ activationBits }) => activationBits))]
    .filter((bits) => bits !== exactActivationBits);
}
