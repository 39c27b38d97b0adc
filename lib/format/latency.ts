import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import { BITS_FIELDS, BITS_FIELDS_BY_HAND, bitsByHand, CandidateName, type ContentOf, uniquelyNamed } from "./plan.ts";

const ms = z.number().nonnegative();

const Quartiles = z.tuple([ms, ms]).describe("first and third quartile, milliseconds");

const Parts = z.record(z.string().min(1), z.number().positive()).describe(
  "the measured steps that make it up: by key how much of the step counts, of one that serves three layers a third each",
);
/** Shares of measurements by their keys: what they are multiplied by before they are added. */
export type LatencyParts = z.infer<typeof Parts>;

const Candidate = z.strictObject({
  ...BITS_FIELDS,
  ms: ms.describe("time of the layer for one input, milliseconds"),
  quartiles: Quartiles.optional().describe("sums of the quartiles of the parts"),
  parts: Parts.optional(),
});
export type LatencyCandidate = z.infer<typeof Candidate>;

const CandidateByHand = Candidate.extend(BITS_FIELDS_BY_HAND).transform((candidate, context) => {
  const found = bitsByHand(candidate);
  if (typeof found === "string") {
    context.addIssue({ code: "custom", message: found });
    return z.NEVER;
  }
  const { bits: _, ...times } = candidate;
  return { ...times, ...found };
}).pipe(Candidate);

const Layer = z.strictObject({
  name: z.string().min(1).describe("name of the layer, as in the model"),
  candidates: z.array(CandidateByHand).min(1).describe("the bits that were measured"),
});
export type LatencyLayer = z.infer<typeof Layer>;

const Machine = z.record(z.string(), z.union([z.string(), z.number()]));
/** What was measured on, and how; equal where times may be compared. */
export type Machine = z.infer<typeof Machine>;

const Measurement = z.strictObject({
  key: z.string().min(1).describe("everything that the time depends on; equal steps have one key"),
  ms: ms.describe("median over the rounds, milliseconds"),
  quartiles: Quartiles,
  rounds: z.int().positive().describe("how many times were taken; each is a mean over the places of the step"),
});
export type Measurement = z.infer<typeof Measurement>;

const Bits = z.union([CandidateName, z.array(CandidateName)]).describe(
  'bits of all layers, such as "4/8", or of each layer in the order of the network',
);

const NETWORK_FACTS = {
  name: z.string().min(1).describe("a candidate, a random mixture of them, or the file of a plan"),
  bits: Bits,
  key: z.string().min(1).describe("key of the measurement of the whole network"),
};

const Network = z.strictObject({
  ...NETWORK_FACTS,
  predictedMs: ms.describe("sum of the layers at these bits and overheadMs"),
  measuredMs: ms.describe("median of the whole network, run without a clock inside"),
  quartiles: Quartiles,
  difference: z.number().describe("(predicted - measured) / measured"),
});
export type LatencyNetwork = z.infer<typeof Network>;

const Overhead = z.strictObject({
  definition: z.string().describe("what `overheadMs` is"),
  candidates: z.array(z.strictObject({ ...BITS_FIELDS, ms: ms.describe("milliseconds") })).describe(
    "time outside the layers at each candidate",
  ),
});

/**
 * `dyad/latency`: the measured time of every layer at every candidate. Written by hand, a layer is
 *
 *     { "name": "conv1", "candidates": [{ "bits": 8, "ms": 0.36 }, { "bits": "4/8", "ms": 0.21 }] }
 */
export const LatencyCodec = defineArtefact("dyad/latency", 1, {
  unit: z.literal("ms").default("ms").describe("unit of every time"),
  machine: Machine.optional().describe("what was measured on, and how: processor, backend, threads, batch, ..."),
  overheadMs: ms.default(0).describe("time of what is in no layer of this table; part of every plan's latency"),
  overhead: Overhead.optional().describe("where overheadMs is from"),
  layers: uniquelyNamed(Layer).describe("the measured layers"),
  networks: z.array(Network).optional().describe("whole networks, and what the table says of them"),
  measurements: z.array(Measurement).optional().describe("every distinct step and whole network that was measured"),
});

/** The content of a latency table after the header. */
export type Latency = ContentOf<typeof LatencyCodec>;

/**
 * What a latency table is before its times are known, and what all parts of one table share: which measurements there
 * are, and what is the sum of which.
 */
export const LatencyFrame = z.strictObject({
  machine: Machine,
  keys: z.array(z.string().min(1)).describe("of all measurements, in the order in which shards count them"),
  layers: z.array(z.strictObject({
    name: z.string().min(1),
    candidates: z.array(z.strictObject({ ...BITS_FIELDS, parts: Parts })),
  })),
  overhead: z.array(z.strictObject({ ...BITS_FIELDS, parts: Parts })).min(1),
  networks: z.array(z.strictObject(NETWORK_FACTS)),
});
export type LatencyFrame = z.infer<typeof LatencyFrame>;

/** What a shard of `profile` measured. */
export const LatencyRecords = z.array(Measurement);
