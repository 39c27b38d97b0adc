import { z } from "../format/schema.ts";
import { BITS_FIELDS, BitWidth, CandidateName } from "../format/plan.ts";

const FrameLayer = z.strictObject({
  name: z.string().min(1),
  operator: z.string(),
  parameters: z.int().nonnegative().describe("number of weights, biases not counted"),
  macs: z.int().nonnegative().describe("multiply-accumulate operations per image"),
  inputElements: z.int().nonnegative().describe("elements of its input for one image"),
  fixed: CandidateName.optional().describe("the candidate that it keeps unless plan is told otherwise"),
  tiedTo: z.string().optional().describe("another layer whose candidate this one must share"),
  exactActivationBits: BitWidth.optional().describe("the width at which quantizing its input changes nothing"),
  candidates: z.array(z.strictObject(BITS_FIELDS)).min(1),
  weightScores: z.record(z.string(), z.record(z.string(), z.number())).describe(
    "by how the weights are stored (4, codes4), then by metric of the weights alone",
  ),
});
/** A layer of a frame. */
export type FrameLayer = Readonly<z.infer<typeof FrameLayer>>;

/**
 * Everything of a sensitivity table that does not come from samples, so that the table can be made from the frame and
 * records without the model: what all parts of a measurement share.
 */
export const Frame = z.strictObject({
  metric: z.string().describe("the score column that plan minimises by default"),
  metrics: z.array(z.string()).min(1).describe("all score columns, in order"),
  samples: z.int().positive(),
  probes: z.int().positive().optional().describe("rounds of random probes, where their number was asked for"),
  layers: z.array(FrameLayer).min(1),
});
export type Frame = Readonly<z.infer<typeof Frame>>;
