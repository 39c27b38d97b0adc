import type { FrameLayer } from "./frame.ts";

/** The weight widths of a layer's candidates, each once, in their order. */
export function weightWidths({ candidates }: Pick<FrameLayer, "candidates">): number[] {
  return [...new Set(candidates.map(({ weightBits }) => weightBits))];
}

/** The activation widths of a layer's candidates that change its input, each once, in their order. */
export function activationWidths(
  { candidates, exactActivationBits }: Pick<FrameLayer, "candidates" | "exactActivationBits">,
): number[] {
  return [...new Set(candidates.map(({ activationBits }) => activationBits))]
    .filter((bits) => bits !== exactActivationBits);
}
