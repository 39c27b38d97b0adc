import { z } from "./schema.ts";
import { defineArtefact } from "./artefact.ts";
import {
  BITS_FIELDS,
  BITS_FIELDS_BY_HAND,
  bitsByHand,
  BitWidth,
  CandidateName,
  type ContentOf,
  uniquelyNamed,
} from "./plan.ts";

/** The score column of tables that name none. */
const UNNAMED_METRIC = "score";

const score = z.number().nonnegative();

const Candidate = z.strictObject({
  ...BITS_FIELDS,
  scores: z.record(z.string(), score).describe(
    "by metric: how much the network suffers from these bits, 0 is not at all",
  ),
});
export type SensitivityCandidate = z.infer<typeof Candidate>;

const CandidateByHand = z.strictObject({
  ...BITS_FIELDS_BY_HAND,
  scores: Candidate.shape.scores.optional(),
  score: score.optional().describe(`short for "scores": { "${UNNAMED_METRIC}": ... }`),
}).transform((candidate, context) => {
  const found = bitsByHand(candidate);
  const { score, scores } = candidate;
  if ((score === undefined) === (scores === undefined)) {
    context.addIssue({ code: "custom", message: 'expected one of "score" and "scores"' });
    return z.NEVER;
  }
  if (typeof found === "string") {
    context.addIssue({ code: "custom", message: found });
    return z.NEVER;
  }
  return { ...found, scores: scores ?? { [UNNAMED_METRIC]: score! } };
}).pipe(Candidate);

const Alone = z.strictObject({
  bits: BitWidth.describe("bits of what is quantized"),
  scores: Candidate.shape.scores,
});

const AloneWeights = Alone.extend({ weightFormat: BITS_FIELDS.weightFormat });
export type SensitivityAloneWeights = z.infer<typeof AloneWeights>;

const AloneActivations = Alone.extend({ activationFormat: BITS_FIELDS.activationFormat });
export type SensitivityAloneActivations = z.infer<typeof AloneActivations>;

const Trace = z.strictObject({
  trace: z.number().describe("estimate of the trace of the Hessian of the mean loss; it may be negative"),
  standardError: z.number().nonnegative().optional().describe(
    "of the trace, from the spread of the rounds: of the probes, not of the choice of samples; left out for one round",
  ),
  rounds: z.int().positive().describe("independent estimates that the trace is the mean of"),
});

const Curvature = z.strictObject({
  weights: Trace.optional().describe("with respect to the layer's weights"),
  activations: Trace.optional().describe("with respect to the layer's input"),
});
/** What second-order metrics found out about a layer. */
export type SensitivityCurvature = z.infer<typeof Curvature>;

const Rounds = z.strictObject({
  count: z.int().positive().describe("rounds of random probes over all samples"),
  endedBy: z.enum(["request", "stability", "limit"]).describe(
    "request: their number was asked for; stability: the plan that the scores imply had become stable; limit: it had not " +
      "within the most rounds",
  ),
  agreement: z.number().min(0).max(1).optional().describe(
    "share of resamples of the rounds whose plan is as good as the plan of all rounds",
  ),
});
/** How many rounds of random probes were measured, and why no more. */
export type SensitivityRounds = z.infer<typeof Rounds>;

const Layer = z.strictObject({
  name: z.string().min(1).describe("name of the layer, as in the model"),
  operator: z.string().optional().describe("ONNX operator, for instance Conv"),
  parameters: z.int().nonnegative().describe("number of weights, biases not counted"),
  macs: z.int().nonnegative().describe("multiply-accumulate operations per image"),
  fixed: CandidateName.optional().describe(
    'the candidate that the layer keeps unless plan is told otherwise; first and last layers are "8/8"',
  ),
  tiedTo: z.string().optional().describe("another layer whose candidate this one must share"),
  candidates: z.array(CandidateByHand).min(1).describe("the bits that the layer may get, with scores"),
  alone: z.strictObject({
    weights: z.array(AloneWeights).describe("only the layer's weights quantized"),
    activations: z.array(AloneActivations).describe("only the layer's input quantized"),
  }).optional().describe("where the scores come from: each half of the candidates by itself; plan does not read it"),
  curvature: Curvature.optional().describe("what second-order metrics were made from; plan does not read it"),
});
export type SensitivityLayer = z.infer<typeof Layer>;

/**
 * `dyad/sensitivity`: the score of every layer at every candidate. Written by hand, a layer is
 *
 *     { "name": "conv1", "parameters": 36864, "macs": 115605504,
 *       "candidates": [{ "bits": 8, "score": 0.0016 }, { "bits": "4/8", "score": 0.46 }] }
 */
export const SensitivityCodec = defineArtefact("dyad/sensitivity", 1, {
  metric: z.string().min(1).default(UNNAMED_METRIC).describe("the score column that plan minimises by default"),
  layers: uniquelyNamed(Layer).describe("the layers with weights, in the order of the network"),
  samples: z.int().nonnegative().optional().describe("how many samples the scores were measured on"),
  baseline: z.record(z.string(), z.number()).optional().describe(
    "the float network on the same data: loss, accuracy, ...",
  ),
  rounds: Rounds.optional().describe("how long metrics of random probes were measured"),
});

/** The content of a sensitivity table after the header. */
export type Sensitivity = ContentOf<typeof SensitivityCodec>;
