import { usageError } from "../lib/format/error.ts";
import type { Shape } from "../lib/tensor/shape.ts";

export interface ScoredClass {
  readonly class: number;
  readonly name?: string;
  /** Output of the network: integer logits of an integer network, unless they were dequantized. */
  readonly score: number;
}

/** What is written of one image. */
export interface Prediction {
  readonly index: number;
  /** The image's file. */
  readonly file?: string;
  readonly label?: number;
  readonly top: readonly ScoredClass[];
}

/** Whether an output, what follows N of it, is one number for each class. */
export function isClassifier(outputShape: Shape): boolean {
  return outputShape.filter((extent) => extent !== 1).length <= 1;
}

/** @throws DyadError (usage) for an output that is not one number for each class. */
export function requireClassifier(outputShape: Shape, name: string, what: string): void {
  if (isClassifier(outputShape)) return;
  throw usageError(
    `${what} needs an output of one number per class, the one of ${name} is ${["N", ...outputShape].join("x")}; ` +
      `write it with --output-format npy`,
  );
}

/** The `k` classes of the highest scores, the highest first; of equal ones the lower class. */
export function topClasses(scores: ArrayLike<number>, k: number, names?: readonly string[]): ScoredClass[] {
  return Array.from(scores, (score, index) => ({ class: index, ...(names && { name: names[index] }), score }))
    .sort((a, b) => b.score - a.score || a.class - b.class)
    .slice(0, k);
}

/** A JSON array with a line for each image. */
export function predictionsText(predictions: readonly Prediction[]): string {
  return `[\n${predictions.map((prediction) => `  ${JSON.stringify(prediction)}`).join(",\n")}\n]\n`;
}
