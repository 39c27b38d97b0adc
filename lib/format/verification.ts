import { z } from "./schema.ts";
import { type ArtefactContent, defineArtefact, encodeArtefact, Sha256 } from "./artefact.ts";
import { BITS_FIELDS, type ContentOf } from "./plan.ts";

const count = z.int().nonnegative();
const decibels = z.number();

/**
 * What became of a claim. `proven`: it holds for every input. `measured`: it holds on the images that ran. `failed`: it
 * does not hold, or could not be shown. `skipped`: there was nothing to examine.
 */
const CLAIM_STATUSES = ["proven", "measured", "failed", "skipped"] as const;
export type ClaimStatus = (typeof CLAIM_STATUSES)[number];

function claimRecord<N extends string, E extends z.ZodType>(name: N, evidence: E) {
  return z.strictObject({
    name: z.literal(name),
    statement: z.string().describe("what is claimed, in one sentence"),
    status: z.enum(CLAIM_STATUSES),
    summary: z.string().describe("the evidence in one sentence"),
    failures: z.array(z.string()).describe("what contradicts the claim; empty unless it failed"),
    evidence: evidence.optional().describe("left out where none could be gathered"),
  });
}

const HashChain = claimRecord(
  "hash-chain",
  z.strictObject({
    links: z.array(z.strictObject({
      from: z.string().describe("the artefact that states a hash"),
      to: z.string().describe("the role of the file that should have it"),
      stated: Sha256,
      found: Sha256.optional().describe("of the file given; left out when none was given"),
      status: z.enum(["holds", "broken", "not given"]),
    })),
    layers: z.array(z.strictObject({
      name: z.string(),
      ...BITS_FIELDS,
      planned: z.string().optional().describe('bits of the plan, for instance "4/8", where one was given'),
      largestWeight: count.describe("largest magnitude of the integers that the step holds"),
      largestInput: count.describe("largest input integer that the step is made for"),
    })),
  }),
);

const Certificate = z.strictObject({
  sha256: Sha256,
  bytes: count,
  functions: count,
  instructions: count,
  opcodes: z.array(z.string()).describe("every distinct instruction, sorted"),
  forbidden: z.array(z.strictObject({
    function: z.string(),
    offset: count.describe("in bytes from the start of the code"),
    what: z.string(),
  })).describe("float instructions and types, integer divisions and remainders"),
});

const IntegerOnly = claimRecord(
  "integer-only",
  z.strictObject({
    tensors: z.record(z.string(), count).describe("number of tensors between steps by element type"),
    constants: z.record(z.string(), count).describe("number of stored constants by element type"),
    kernels: z.array(z.strictObject({ name: z.string(), steps: count })).describe("what computes the steps"),
    notGenerated: z.array(z.string()).describe("steps that no generated kernel computes"),
    module: Certificate.optional().describe("the WebAssembly module that ran"),
    machineCode: Certificate.optional().describe("the machine code that ran, as it lies in executable memory"),
  }),
);

const NoOverflow = claimRecord(
  "no-overflow",
  z.strictObject({
    steps: z.array(z.strictObject({
      step: z.string(),
      channels: count,
      bound: count.describe("largest magnitude that an accumulator of the step can reach"),
      channel: count.describe("the output channel that has the bound"),
      headroomBits: z.number().describe("bits of int32 unused at the bound"),
    })),
    channels: count.describe("output channels proven, of all steps"),
    tightest: z.strictObject({ step: z.string(), channel: count, headroomBits: z.number() }).optional(),
  }),
);

const Difference = z.strictObject({
  step: z.string(),
  tensor: z.string(),
  image: count,
  element: count.describe("index in memory order"),
  position: z.string().describe("the same index by axis"),
  reference: z.int(),
  found: z.int(),
});
export type Difference = z.infer<typeof Difference>;

const BitExact = claimRecord(
  "bit-exact",
  z.strictObject({
    images: count.describe("images that both tiers ran, the first of the data"),
    compared: count.describe("integers compared"),
    differing: count,
    first: Difference.optional().describe("the first difference: earliest image, then earliest step"),
    input: z.strictObject({ tensor: z.string(), sha256: Sha256 }).describe("the integers that went in"),
    whole: z.strictObject({
      fused: count.describe("convolutions whose accumulators go straight into a sum, which is then one kernel"),
      compared: count.describe("outputs of the network compared"),
      differing: count,
    }).optional().describe("the network as it runs when no step is looked at"),
    steps: z.array(z.strictObject({
      step: z.string(),
      tensor: z.string(),
      dtype: z.string(),
      kernel: z.string(),
      elements: count.describe("per image"),
      differing: count,
      sha256: Sha256,
    })).describe(
      "in order of execution; sha256 is of the output integers of the tier under test, little-endian, image after " +
        "image, each in memory order: rank 4 as H, W, C, other ranks row-major",
    ),
  }),
);

const Top1 = z.strictObject({ correct: count, percent: z.number() });

const Accuracy = claimRecord(
  "accuracy",
  z.strictObject({
    images: count,
    agreement: z.strictObject({ images: count, percent: z.number() }).describe(
      "for which both networks choose the same class; of a stream, tokens",
    ),
    float: Top1.optional().describe("of the images with labels"),
    integer: Top1.optional(),
    drop: z.number().optional().describe("float top-1 less integer top-1, percentage points"),
    perplexity: z.strictObject({ tokens: count, float: z.number(), integer: z.number() }).optional().describe(
      "of a stream of tokens, the state carried over",
    ),
    layers: z.array(z.strictObject({
      step: z.string(),
      layer: z.string().optional(),
      tensor: z.string(),
      value: z.string().describe("the value of the float network that it stands for"),
      bits: z.int(),
      signal: z.number().describe("mean of r^2 over all images, r of the float network"),
      noise: z.number().describe("mean of (r - dequantized)^2"),
      sqnrDb: decibels.optional().describe("10 log10(signal / noise); left out when either is 0"),
    })),
    notCompared: z.array(z.strictObject({ step: z.string(), reason: z.string() })),
  }),
);

const ClaimRecord = z.discriminatedUnion("name", [HashChain, IntegerOnly, NoOverflow, BitExact, Accuracy]);
export type ClaimRecord = z.infer<typeof ClaimRecord>;
export type ClaimName = ClaimRecord["name"];
/** What a claim of this name shows as evidence. */
export type EvidenceOf<N extends ClaimName> = NonNullable<Extract<ClaimRecord, { name: N }>["evidence"]>;

/** `dyad/verification`: the claims made of an integer network, and what was found of each. */
export const VerificationCodec = defineArtefact("dyad/verification", 1, {
  network: z.string().describe("what the network calls itself"),
  passed: z.boolean().describe("no claim failed"),
  claims: z.array(ClaimRecord),
});

/** The content of a verification, header's inputs and options included. */
export type Verification = ArtefactContent<ContentOf<typeof VerificationCodec>>;

export function encodeVerification(verification: Verification): string {
  return encodeArtefact(VerificationCodec, verification);
}

/** What the claim of this name showed; undefined where it could show nothing. */
export function evidenceOf<N extends ClaimName>(claims: readonly ClaimRecord[], name: N): EvidenceOf<N> | undefined {
  // The name decides the member of the union, which the compiler cannot follow through a generic.
  return claims.find((claim) => claim.name === name)?.evidence as EvidenceOf<N> | undefined;
}
