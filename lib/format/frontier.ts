import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import { type ContentOf, LIMIT_KINDS, PlanCodec } from "./plan.ts";

/** `dyad/frontier`: optimal plans by rising use of one limit, each with a lower sum of scores than the one before. */
export const FrontierCodec = defineArtefact("dyad/frontier", 1, {
  kind: z.enum(LIMIT_KINDS).describe("the limit that was swept"),
  plans: z.array(PlanCodec.schema).min(1).describe(
    "whole dyad/plan artefacts: one of them, saved alone, is a plan file",
  ),
  compared: z.array(z.strictObject({
    metric: z.string().describe("the score column that these plans minimise"),
    plans: z.array(PlanCodec.schema).min(1).describe("its frontier over the same limit"),
  })).optional().describe("frontiers of other metrics, to compare with"),
});

/** The content of a frontier after the header. */
export type Frontier = ContentOf<typeof FrontierCodec>;
