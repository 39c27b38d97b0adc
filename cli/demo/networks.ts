import { type Block, type Cell, formatBytes, formatCount, formatPercent, numeric } from "../report.ts";

/** What the demo measures of one network. */
export interface DemoNetwork {
  readonly name: string;
  /** Of a weight, on average. */
  readonly weightBits: number;
  readonly sizeBytes: number;
  readonly bops: number;
  readonly images: number;
  readonly correct: number;
  /** Median. */
  readonly msPerImage: number;
  /** Of `dyad verify`; nothing is claimed of the float network. */
  readonly claims?: { readonly held: number; readonly total: number };
}

/** A float weight and a float activation, as HAWQ-V3 counts them (arXiv 2011.10680). */
const FLOAT_BITS = 32;

export function floatCosts({ parameters, macs }: { readonly parameters: number; readonly macs: number }) {
  return { weightBits: FLOAT_BITS, sizeBytes: parameters * FLOAT_BITS / 8, bops: macs * FLOAT_BITS * FLOAT_BITS };
}

/** Networks side by side; the first is the float one that the others are compared with. */
export function networkBlocks(networks: readonly DemoNetwork[]): Block[] {
  const [float] = networks;
  const speedUp = (network: DemoNetwork): string => `${(float.msPerImage / network.msPerImage).toFixed(2)}x`;
  return [{
    columns: [
      { title: "network" },
      ...["bits", "size", "BOPS", "top-1", "change", "ms/image", "speed", "claims"].map(numeric),
    ],
    rows: networks.map((network) => [
      { text: network.name, paint: "bold" },
      network.weightBits.toFixed(2),
      formatBytes(network.sizeBytes),
      formatCount(network.bops),
      formatPercent(network.correct / network.images),
      network === float ? "" : pointsBetween(float, network),
      network.msPerImage.toFixed(2),
      network === float ? "" : speedUp(network),
      claimsCell(network.claims),
    ]),
  }, LEGEND];
}

const LEGEND = "bits: per weight, on average; size: of the weights; BOPS: multiply-accumulates x weight bits x " +
  "activation bits; change: of top-1, in points; ms/image: median, one thread; speed: compared with float; claims: of " +
  "those that verify examines, how many hold";

function pointsBetween(float: DemoNetwork, network: DemoNetwork): string {
  const points = 100 * (network.correct / network.images - float.correct / float.images);
  return `${points < 0 ? "" : "+"}${points.toFixed(2)}`;
}

function claimsCell(claims: DemoNetwork["claims"]): Cell {
  if (claims === undefined) return "";
  const { held, total } = claims;
  return { text: `${held} of ${total}`, paint: held === total ? "green" : "red" };
}
