import { activationFormatName, weightFormatName } from "../format/plan.ts";
import type { FrameLayer } from "./frame.ts";

/** The names of how a layer's candidates store its weights, each once, in their order. */
export function weightFormats({ candidates }: Pick<FrameLayer, "candidates">): string[] {
  return [...new Set(candidates.map(weightFormatName))];
}

/** The names of how a layer's candidates hold its input where that changes it, each once, in their order. */
export function activationFormats(
  { candidates, exactActivationBits }: Pick<FrameLayer, "candidates" | "exactActivationBits">,
): string[] {
  return [...new Set(candidates.map(activationFormatName))]
    .filter((activations) => !isExact(activations, { exactActivationBits }));
}

/** Whether a layer's input is held as it is by this name: pixels are integers. */
export function isExact(
  activations: string,
  { exactActivationBits }: Pick<FrameLayer, "exactActivationBits">,
): boolean {
  return exactActivationBits !== undefined &&
    activations === activationFormatName({ activationBits: exactActivationBits });
}
