import type { Latency } from "../../../lib/format/latency.ts";
import type { Sensitivity } from "../../../lib/format/sensitivity.ts";

export type LayerRow = {
  name: string;
  parameters: number;
  macs: number;
  fixed?: string;
  tiedTo?: string;
  /** Score, and time, by candidate name. */
  candidates: Record<string, readonly [score: number, ms: number]>;
};

/** Tables in the canonical form that decoding gives. */
export function tables(rows: readonly LayerRow[], overheadMs = 0): { sensitivity: Sensitivity; latency: Latency } {
  const bits = (name: string) => {
    const [weightBits, activationBits] = name.split("/").map(Number);
    return { weightBits, activationBits };
  };
  return {
    sensitivity: {
      metric: "score",
      layers: rows.map(({ candidates, ...layer }) => ({
        ...layer,
        candidates: Object.entries(candidates).map(([name, [score]]) => ({ ...bits(name), scores: { score } })),
      })),
    },
    latency: {
      unit: "ms",
      overheadMs,
      layers: rows.map(({ name, candidates }) => ({
        name,
        candidates: Object.entries(candidates).map(([candidate, [, ms]]) => ({ ...bits(candidate), ms })),
      })),
    },
  };
}

/** A stem fixed at 8/8, a block whose shortcut is tied, and a classifier. */
export const NETWORK: readonly LayerRow[] = [
  { name: "stem", parameters: 400, macs: 9000, fixed: "8/8", candidates: { "8/8": [0, 0.5], "4/4": [9, 0.3] } },
  {
    name: "block.conv",
    parameters: 2000,
    macs: 8000,
    candidates: { "8/8": [0.01, 0.8], "4/8": [0.2, 0.7], "4/4": [0.5, 0.4], "2/4": [3, 0.35] },
  },
  {
    name: "block.shortcut",
    parameters: 100,
    macs: 1000,
    tiedTo: "block.conv",
    candidates: { "8/8": [0.02, 0.1], "4/4": [0.1, 0.05], "2/4": [1, 0.05] },
  },
  {
    name: "fc",
    parameters: 1000,
    macs: 1000,
    candidates: { "8/8": [0.001, 0.2], "4/8": [0.3, 0.15], "4/4": [0.4, 0.1] },
  },
];
