import { CODE_BITS } from "../arith/binary_codes/codes.ts";
import { z } from "./schema.ts";
import { type ArtefactCodec, defineArtefact } from "./artefact.ts";
import { LOSSES, MeasuredLoss } from "./measured_loss.ts";

const BIT_WIDTH_MAX = 16;

export const BitWidth = z.int().min(1).max(BIT_WIDTH_MAX);

/** What weights are stored as where they are not integers of equal steps: `codes`, binary codes (arXiv 1802.00150). */
const WeightFormatName = z.enum(["codes"]);

/** How the weights of a layer are stored: integers of so many bits, or so many binary codes for each. */
export interface WeightFormat {
  weightBits: number;
  weightFormat?: z.infer<typeof WeightFormatName>;
}

/** What the input of a layer is where it is not integers of one scale: `codes`, binary codes that each vector finds. */
const ActivationFormatName = z.enum(["codes"]);

/** How the input of a layer is held: integers of so many bits, or so many binary codes for each. */
export interface ActivationFormat {
  activationBits: number;
  activationFormat?: z.infer<typeof ActivationFormatName>;
}

/** The bits of one layer: a candidate, before or after it was chosen. */
export interface CandidateBits extends WeightFormat, ActivationFormat {}

/** Activation bits beside codes of weights where a name gives none, and of the integers that codes are found of. */
const CODED_ACTIVATION_BITS = 8;

/** The name of a way to store weights, "4" or "codes4": equal for equal ones. */
export function weightFormatName({ weightBits, weightFormat }: Readonly<WeightFormat>): string {
  return `${weightFormat ?? ""}${weightBits}`;
}

/** The name of a way to hold activations, "8" or "codes2": equal for equal ones. */
export function activationFormatName({ activationBits, activationFormat }: Readonly<ActivationFormat>): string {
  return `${activationFormat ?? ""}${activationBits}`;
}

/** The name of a candidate, "4/8" for 4-bit weights and 8-bit activations, "codes3/codes2" for binary codes of both. */
export function candidateName(bits: Readonly<CandidateBits>): string {
  return `${weightFormatName(bits)}/${activationFormatName(bits)}`;
}

/** Bits of the integers that a layer's input is quantized to; codes are found of those. */
export function integerActivationBits({ activationBits, activationFormat }: Readonly<ActivationFormat>): number {
  return activationFormat === "codes" ? CODED_ACTIVATION_BITS : activationBits;
}

/** Of a record that has more, how its weights are stored. */
export function weightFormatOf({ weightBits, weightFormat }: Readonly<WeightFormat>): WeightFormat {
  return { weightBits, ...(weightFormat !== undefined && { weightFormat }) };
}

/** Of a record that has more, how its input is held. */
export function activationFormatOf({ activationBits, activationFormat }: Readonly<ActivationFormat>): ActivationFormat {
  return { activationBits, ...(activationFormat !== undefined && { activationFormat }) };
}

/** Of a record that has more, its bits. */
export function candidateBitsOf(record: Readonly<CandidateBits>): CandidateBits {
  return { ...weightFormatOf(record), ...activationFormatOf(record) };
}

/**
 * Reads "4/8", "4" for "4/4", "codes3/8", "codes3" for "codes3/8", or "8/codes2"; undefined for other text and for widths
 * outside 1..16 (of codes 1..4).
 */
export function parseCandidateName(text: string): CandidateBits | undefined {
  const match = /^(codes)?(\d{1,2})(?:\/(codes)?(\d{1,2}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const weightFormat = WeightFormatName.optional().parse(match[1]);
  const weightBits = Number(match[2]);
  const activationFormat = ActivationFormatName.optional().parse(match[3]);
  const activationBits = Number(match[4] ?? (weightFormat === undefined ? match[2] : CODED_ACTIVATION_BITS));
  if (!BitWidth.safeParse(weightBits).success || !BitWidth.safeParse(activationBits).success) return undefined;
  if (weightFormat !== undefined && !CODE_BITS.includes(weightBits)) return undefined;
  if (activationFormat !== undefined && !CODE_BITS.includes(activationBits)) return undefined;
  return candidateBitsOf({ weightBits, weightFormat, activationBits, activationFormat });
}

/** Candidate names as fields of artefacts, in the form that `candidateName` writes. */
export const CandidateName = z.string()
  .refine((text) => parseCandidateName(text) !== undefined, {
    message: 'expected bits like "8/8", "4/8" or "codes3/8"',
  })
  .transform((text) => candidateName(parseCandidateName(text)!))
  .pipe(z.string());

export const BITS_FIELDS = {
  weightBits: BitWidth.describe("bits of a weight"),
  weightFormat: WeightFormatName.optional().describe(
    "codes: a weight is the sum of `weightBits` (1 to 4) numbers of its row, each with a sign of its own; absent: an integer",
  ),
  activationBits: BitWidth.describe("bits of an input activation"),
  activationFormat: ActivationFormatName.optional().describe(
    "codes: an input is the sum of `activationBits` (1 to 4) numbers that each vector finds at run time, with signs of its " +
      "own; absent: an integer",
  ),
};

/** `BITS_FIELDS` as a person may write them: both, or `bits` for two equal widths (4) or a candidate name ("4/8"). */
export const BITS_FIELDS_BY_HAND = {
  bits: z.union([BitWidth, z.string()], 'expected 4 or "4/8", each 1 to 16, or "codes3/8"').optional().describe(
    'short for all of them: 4 is weightBits 4 and activationBits 4; "4/8" is weightBits 4 and activationBits 8; "codes3/8" ' +
      'is weightBits 3, weightFormat "codes" and activationBits 8',
  ),
  weightBits: BITS_FIELDS.weightBits.optional(),
  weightFormat: BITS_FIELDS.weightFormat,
  activationBits: BITS_FIELDS.activationBits.optional(),
  activationFormat: BITS_FIELDS.activationFormat,
};

/** The widths that `BITS_FIELDS_BY_HAND` stand for, or what is wrong with them. */
export function bitsByHand(
  { bits, weightBits, weightFormat, activationBits, activationFormat }:
    & Partial<CandidateBits>
    & { bits?: number | string },
): CandidateBits | string {
  if (bits === undefined) {
    if (weightBits === undefined || activationBits === undefined) {
      return 'expected "weightBits" and "activationBits", or "bits" for both';
    }
    const found = candidateBitsOf({ weightBits, weightFormat, activationBits, activationFormat });
    if (parseCandidateName(candidateName(found)) !== undefined) return found;
    return `the bits are ${candidateName(found)}, expected ${CODE_BITS[0]} to ${CODE_BITS.at(-1)} of codes`;
  }
  if ([weightBits, weightFormat, activationBits, activationFormat].some((value) => value !== undefined)) {
    return '"bits" stands for "weightBits", "weightFormat", "activationBits" and "activationFormat"; leave out one or the other';
  }
  return parseCandidateName(String(bits)) ??
    `"bits" is ${JSON.stringify(bits)}, expected 4 or "4/8", each 1 to 16, or "codes3/8" with 1 to 4 codes`;
}

/** What a limit can be put on, in the order in which constraints are listed. */
export const LIMIT_KINDS = ["size", "bops", "latency", "weight-bits"] as const;
export type LimitKind = typeof LIMIT_KINDS[number];

/** The fields of an artefact after its header. */
export type ContentOf<C> = C extends ArtefactCodec<infer T> ? T : never;

const amount = z.number().nonnegative();

const Totals = z.strictObject({
  sizeBytes: amount.describe("bytes of all weights at their bits: sum of parameters * weightBits / 8"),
  bops: amount.describe("bit operations per image: sum of macs * weightBits * activationBits"),
  averageWeightBits: amount.describe(
    "bits per weight over the layers that are not fixed (over all layers when every layer is fixed)",
  ),
  latencyMs: amount.optional().describe("milliseconds, layers and overhead of the latency table"),
});
export type PlanTotals = z.infer<typeof Totals>;

const Constraint = z.strictObject({
  kind: z.enum(LIMIT_KINDS).describe("what was limited"),
  requested: z.string().describe('the limit as asked for, for instance "6.65MiB", "60%" or "between:0.5"'),
  limit: amount.describe("the limit in `unit`"),
  used: amount.describe("what the plan uses, in `unit`; never more than `limit`"),
  unit: z.enum(["bytes", "BOPS", "ms", "bits per weight"]).describe("unit of `limit` and `used`"),
});
export type PlanConstraint = z.infer<typeof Constraint>;

const LAYER_FACTS = {
  name: z.string().min(1).describe("name of the layer, as in the model"),
  score: amount.optional().describe("score of the layer at these bits"),
  parameters: amount.optional().describe("number of weights, biases not counted"),
  macs: amount.optional().describe("multiply-accumulate operations per image"),
};

const Layer = z.strictObject({ ...LAYER_FACTS, ...BITS_FIELDS });
export type PlanLayer = z.infer<typeof Layer>;

const LayerByHand = z.strictObject({ ...LAYER_FACTS, ...BITS_FIELDS_BY_HAND }).transform((layer, context) => {
  const found = bitsByHand(layer);
  if (typeof found === "string") {
    context.addIssue({ code: "custom", message: found });
    return z.NEVER;
  }
  const { name, bits: _, ...facts } = layer;
  return { name, ...facts, ...found };
}).pipe(Layer);

function refuseRepeatedNames(layers: readonly { name: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  layers.forEach(({ name }, i) => {
    if (seen.has(name)) context.addIssue({ code: "custom", path: [i, "name"], message: `"${name}" is listed twice` });
    seen.add(name);
  });
}

/** A list of at least one layer, no two of the same name. */
export function uniquelyNamed<T extends z.ZodType<{ name: string }>>(layer: T): z.ZodArray<T> {
  return z.array(layer).min(1).superRefine(refuseRepeatedNames);
}

const Refinement = z.strictObject({
  loss: z.enum(LOSSES).describe("the measured loss that decided"),
  pool: z.array(z.strictObject({
    objective: amount.describe("sum of the scores of all layers"),
    bits: z.array(CandidateName).describe("bits of every layer, in the order of `layers`"),
    origin: z.enum(["sum", "greedy", "search"]).optional().describe(
      "sum: one of the plans with the least sums of scores; greedy: the greedy plan; search: found near the best of those " +
        "before it; absent: sum",
    ),
    measured: MeasuredLoss.describe("what its integer network loses"),
  })).min(1).describe("all plans that were run, in that order; the first is the optimal plan"),
  chosen: z.int().nonnegative().describe(
    "index in `pool` of this plan: of those that lose significantly less than the first, the one of least measured loss",
  ),
});

const METHODS = ["optimal", "uniform", "random", "greedy", "refined"] as const;

/**
 * `dyad/plan`: the bits of every layer. Written by hand it needs only `layers` with `name` and `bits`:
 *
 *     { "format": "dyad/plan", "version": 1, "layers": [{ "name": "conv1", "bits": 8 }, { "name": "fc", "bits": "4/8" }] }
 */
export const PlanCodec = defineArtefact("dyad/plan", 1, {
  method: z.enum(METHODS).optional().describe("how the bits were chosen; absent: by hand"),
  metric: z.string().optional().describe("the score column that was minimised"),
  status: z.enum(["optimal"]).optional().describe("the solver's answer; present when the plan was solved for"),
  objective: amount.optional().describe("sum of the scores of all layers"),
  bound: amount.optional().describe("no plan within the limits has a lower objective than this"),
  gap: amount.optional().describe("(objective - bound) / objective; 0 when the plan is proven optimal"),
  constraints: z.array(Constraint).default([]).describe("the limits and what the plan uses of them"),
  totals: Totals.optional().describe("what the plan uses of everything, limited or not"),
  references: z.strictObject({
    all8: Totals.describe("every layer at 8/8"),
    all4: Totals.describe("every layer at 4/4, fixed layers at their own bits"),
  }).optional().describe("what percentages and fractions of limits refer to"),
  measured: MeasuredLoss.optional().describe("what the plan's integer network loses, where it was run"),
  refinement: Refinement.optional().describe("the plans that were run to choose this one"),
  layers: uniquelyNamed(LayerByHand).describe("one entry per layer, in the order of the network"),
});

/** The content of a plan after the header; `encodeArtefact(PlanCodec, { inputs, options, ...plan })` writes it. */
export type Plan = ContentOf<typeof PlanCodec>;
