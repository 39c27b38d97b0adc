import type { CodeProductProblem } from "../problem.ts";

/** The first output of which a bit behind the last input is set; kernels take these for 0. */
export function setBitBeyond({ inputs, bits, codes }: CodeProductProblem): number | undefined {
  if (inputs % 8 === 0) return undefined;
  const rowBytes = Math.ceil(inputs / 8);
  for (let end = rowBytes; end <= codes.length; end += rowBytes) {
    if (codes[end - 1] >> inputs % 8 !== 0) return Math.floor((end / rowBytes - 1) / bits);
  }
  return undefined;
}
