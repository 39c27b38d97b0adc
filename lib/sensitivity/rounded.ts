/** 9 significant digits: as exact as the float32 results that scores are made from, and half the text. */
export function rounded(value: number): number {
  return Number(value.toPrecision(9));
}
