import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import { LOSSES, MeasuredLoss } from "./measured_loss.ts";
import { CandidateName, type ContentOf } from "./plan.ts";

const correlation = (low: number) => z.number().min(low).max(1).nullable();

const Fit = z.strictObject({
  metric: z.string().describe("score column of the sensitivity table"),
  rSquared: correlation(0).describe(
    "R^2 of the straight line of the measured loss over the sum of scores; null when one of the two does not vary",
  ),
  rankCorrelation: correlation(-1).describe("Spearman's, of the same; null when one of the two does not vary"),
});
export type AdditivityFit = z.infer<typeof Fit>;

const Point = z.strictObject({
  bits: z.array(CandidateName).describe("bits of every layer, in the order of `layers`"),
  predicted: z.record(z.string(), z.number().nonnegative()).describe("by metric: the sum of the layers' scores"),
  measured: MeasuredLoss.describe("what its integer network loses"),
});

/**
 * `dyad/additivity`: whether a loss that is measured is the sum of scores that plan takes it for, over random plans.
 */
export const AdditivityCodec = defineArtefact("dyad/additivity", 1, {
  loss: z.enum(LOSSES).describe("the measured loss that the sums of scores are compared with"),
  metrics: z.array(Fit).min(1).describe("how well the sum of each metric's scores predicts the loss"),
  layers: z.array(z.string().min(1)).min(1).describe("names of the layers, in the order of the network"),
  plans: z.array(Point).min(2).describe("the random plans, each with what was predicted and what was measured"),
});

/** The content of an additivity check after the header. */
export type Additivity = ContentOf<typeof AdditivityCodec>;
