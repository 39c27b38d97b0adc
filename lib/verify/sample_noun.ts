import type { IntegerNetwork } from "../format/network.ts";

const NOUNS: Readonly<Record<IntegerNetwork["input"]["kind"], readonly [one: string, several: string]>> = {
  pixels: ["image", "images"],
  quantized: ["sample", "samples"],
  indices: ["stretch of tokens", "stretches of tokens"],
};

/** What `count` samples of a network are: "1 image", "4 stretches of tokens". */
export function countedSamples({ input: { kind } }: Pick<IntegerNetwork, "input">, count: number): string {
  return `${count} ${NOUNS[kind][count === 1 ? 0 : 1]}`;
}

/** What one sample of a network is. */
export function sampleNoun({ input: { kind } }: Pick<IntegerNetwork, "input">): string {
  return NOUNS[kind][0];
}
