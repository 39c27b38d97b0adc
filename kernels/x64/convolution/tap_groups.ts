import type { Window } from "../../../lib/tensor/window.ts";

/** Taps that one product of bytes adds up. */
export const GROUP_TAPS = 4;

/** A group of four neighbouring pixels meets an output: weight `group[j]` tap, or none, stands at byte j. */
export interface TapGroup {
  readonly group: number;
  /** The tap at the group's first pixel; may lie before the first, or behind the last, of the window. */
  readonly firstTap: number;
}

/** How the columns of a tile of outputs share groups of pixels, which lie one after the other from its first pixel on. */
export interface TapGroups {
  readonly outputs: number;
  readonly groups: number;
  /** For each output the groups that its taps meet. */
  readonly ofOutput: readonly (readonly TapGroup[])[];
  /** Pixels that taps of the tile read. */
  readonly pixels: number;
}

const OUTPUTS_MAX = 4;
/** Instructions for each 64 channels: unpacking a group, and a product of four vectors. */
const UNPACK_COST = 8;
const PRODUCT_COST = 4;

/** The groups of a tile of so many outputs next to each other. */
export function tapGroups({ kernelWidth, strideX }: Window, outputs: number): TapGroups {
  const pixels = (outputs - 1) * strideX + kernelWidth;
  const groups = Math.ceil(pixels / GROUP_TAPS);
  const ofOutput = Array.from(
    { length: outputs },
    (_, output) =>
      Array.from({ length: groups }, (_, group) => ({ group, firstTap: GROUP_TAPS * group - output * strideX }))
        .filter(({ firstTap }) => firstTap > -GROUP_TAPS && firstTap < kernelWidth),
  );
  return { outputs, groups, ofOutput, pixels };
}

/** The tile of the fewest instructions for each output. */
export function bestTapGroups(w: Window): TapGroups {
  const costOf = ({ outputs, groups, ofOutput }: TapGroups): number =>
    (UNPACK_COST * groups + PRODUCT_COST * ofOutput.flat().length) / outputs;
  return Array.from({ length: OUTPUTS_MAX }, (_, i) => tapGroups(w, i + 1))
    .reduce((best, tile) => costOf(tile) < costOf(best) ? tile : best);
}
