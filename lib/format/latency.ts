import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import { BITS_FIELDS, BITS_FIELDS_BY_HAND, bitsByHand, type ContentOf, uniquelyNamed } from "./plan.ts";

const ms = z.number().nonnegative();

const Candidate = z.strictObject({ ...BITS_FIELDS, ms: ms.describe("time of the layer for one input, milliseconds") });
export type LatencyCandidate = z.infer<typeof Candidate>;

const CandidateByHand = z.strictObject({ ...BITS_FIELDS_BY_HAND, ms: Candidate.shape.ms })
  .transform((candidate, context) => {
    const found = bitsByHand(candidate);
    if (typeof found === "string") {
      context.addIssue({ code: "custom", message: found });
      return z.NEVER;
    }
    return { ...found, ms: candidate.ms };
  }).pipe(Candidate);

const Layer = z.strictObject({
  name: z.string().min(1).describe("name of the layer, as in the model"),
  candidates: z.array(CandidateByHand).min(1).describe("the bits that were measured"),
});
export type LatencyLayer = z.infer<typeof Layer>;

/**
 * `dyad/latency`: the measured time of every layer at every candidate. Written by hand, a layer is
 *
 *     { "name": "conv1", "candidates": [{ "bits": 8, "ms": 0.36 }, { "bits": "4/8", "ms": 0.21 }] }
 */
export const LatencyCodec = defineArtefact("dyad/latency", 1, {
  unit: z.literal("ms").default("ms").describe("unit of every time"),
  machine: z.record(z.string(), z.union([z.string(), z.number()])).optional().describe(
    "what was measured on, and how: processor, backend, threads, batch, repetitions",
  ),
  overheadMs: ms.default(0).describe("time of what is in no layer of this table; part of every plan's latency"),
  layers: uniquelyNamed(Layer).describe("the measured layers"),
});

/** The content of a latency table after the header. */
export type Latency = ContentOf<typeof LatencyCodec>;
