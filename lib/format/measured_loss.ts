import { z } from "./schema.ts";

/** What a plan's loss is measured by. */
export const LOSSES = ["kl", "cross-entropy"] as const;
export type LossName = typeof LOSSES[number];

/** What the integer network of a plan loses, measured by running it. */
export const MeasuredLoss = z.strictObject({
  samples: z.int().positive().describe("how many samples were run"),
  kl: z.number().describe(
    "mean over samples of KL(p || q) in nats, p and q the softmax of the float and of the integer network's output",
  ),
  crossEntropy: z.number().nonnegative().optional().describe(
    "mean over samples of -log of the probability of the label, of the integer network",
  ),
  accuracy: z.number().min(0).max(1).optional().describe("fraction of the samples whose largest output is the label's"),
});
export type MeasuredLoss = z.infer<typeof MeasuredLoss>;

/** The measured loss by its name; undefined for cross-entropy without labels. */
export function lossOf({ kl, crossEntropy }: MeasuredLoss, name: LossName): number | undefined {
  return name === "kl" ? kl : crossEntropy;
}
