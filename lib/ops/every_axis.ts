/** Every axis of an input of this rank: for operators that compute every element by itself, or only move elements. */
export function everyAxis(_node: unknown, rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}
