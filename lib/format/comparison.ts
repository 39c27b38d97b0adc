import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import { type ContentOf, PlanCodec } from "./plan.ts";

/** `dyad/comparison`: the optimal plans of several metrics within the same limits. */
export const ComparisonCodec = defineArtefact("dyad/comparison", 1, {
  plans: z.array(PlanCodec.schema).min(1).describe(
    'whole dyad/plan artefacts, each with its "metric": one of them, saved alone, is a plan file',
  ),
});

/** The content of a comparison after the header. */
export type Comparison = ContentOf<typeof ComparisonCodec>;
