import { z } from "./schema.ts";
import type { IntegerProblem } from "../arith/problem.ts";
import { ACCUMULATOR_MAX } from "../arith/bounds.ts";
import {
  type ArtefactContent,
  type ArtefactHeader,
  decodeArtefact,
  defineArtefact,
  encodeArtefact,
  Sha256,
} from "./artefact.ts";
import { inputError } from "./error.ts";
import { sha256 } from "./hash.ts";
import { checkNetwork } from "./network_check.ts";
import { BITS_FIELDS } from "./plan.ts";
import { decodeProblem, encodeProblem, ProblemRecord } from "./network_problem.ts";
import { Preprocess } from "./preprocess.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";

const Extent = z.int().positive();
const Int32 = z.int().min(-ACCUMULATOR_MAX - 1).max(ACCUMULATOR_MAX);

/** One tensor between steps: how its integers stand for reals, and how they are stored. */
const TensorRecord = z.strictObject({
  name: z.string().min(1),
  shape: z.array(Extent).describe("for one image, in ONNX order (N, C, H, W); rank 4 lies channels-last in memory"),
  dtype: z.enum(["u8", "u16", "i32", "i16"]),
  bits: z.int().min(1).max(32),
  scale: z.number().positive().describe("r = scale * (q - zeroPoint); of an accumulator the scale of channel 0"),
  perChannel: z.boolean().optional().describe("an int32 accumulator whose scale differs by channel"),
  zeroPoint: Int32,
  low: Int32,
  high: Int32,
});
export type NetworkTensor = z.infer<typeof TensorRecord>;

const StepRecord = z.strictObject({
  name: z.string().min(1),
  operator: z.string().describe("the operator of the float graph that this step comes from"),
  layer: z.string().optional().describe("the layer of the plan whose weights this step holds"),
  inputs: z.array(z.string()).min(1),
  output: z.string(),
  weightBits: z.int().min(1).max(8).optional(),
  problem: ProblemRecord,
});

const LayerRecord = z.strictObject({
  name: z.string(),
  ...BITS_FIELDS,
  parameters: z.int().nonnegative(),
  macs: z.int().nonnegative(),
});
export type NetworkLayer = z.infer<typeof LayerRecord>;

const InputRecord = z.strictObject({
  name: z.string(),
  tensor: z.string(),
  shape: z.array(Extent),
  kind: z.enum(["pixels", "quantized", "indices"]).describe(
    "pixels: raw uint8 pixels go in, normalisation is folded; quantized: the caller quantizes the float input; indices: " +
      "token ids go in as they are",
  ),
  preprocess: Preprocess.optional().describe(
    "how pixels become the float network's input: folded into this network where kind is pixels, else the caller's part",
  ),
});

const OutputRecord = z.strictObject({
  name: z.string(),
  tensor: z.string(),
  shape: z.array(Extent),
  dropped: z.string().optional().describe(
    "a last Softmax or LogSoftmax of the float network, which argmax does not need",
  ),
});

const StateRecord = z.strictObject({
  tensor: z.string().describe(
    "the tensor that keeps its integers from one run to the next; it begins as its zero point",
  ),
  input: z.string().describe("the input of the float network that it stands for"),
  output: z.string().describe("the output of the float network that it stands for"),
});
export type NetworkState = z.infer<typeof StateRecord>;

/** `dyad/network`: an integer-only network. Its weights and constants are in the safetensors file beside it. */
export const NetworkCodec = defineArtefact("dyad/network", 1, {
  name: z.string(),
  rounding: z.literal("half-up").describe("(value * multiplier + 2^(shift-1)) >> shift, one rounding"),
  input: InputRecord,
  output: OutputRecord,
  layers: z.array(LayerRecord),
  tensors: z.array(TensorRecord),
  steps: z.array(StepRecord),
  states: z.array(StateRecord).min(1).optional().describe("of recurrent layers that go on from run to run"),
  constants: z.strictObject({ sha256: Sha256 }).describe("the safetensors file beside this one"),
});
type NetworkRecord = z.infer<typeof NetworkCodec.schema>;

/** The operator of steps that come from none: a value's form at fewer bits, from its widest, for those who read it so. */
export const REQUANTIZE = "Requantize";

/** The operator of steps that come from none: codes that each vector of a value finds, for those who read it so. */
export const ONLINE_CODES = "OnlineCodes";

export interface NetworkStep {
  readonly name: string;
  readonly operator: string;
  readonly layer?: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly weightBits?: number;
  /** Undefined: the output is the input's integers under another name. */
  readonly problem: IntegerProblem | undefined;
}

/** An integer network in memory. */
export interface IntegerNetwork {
  readonly name: string;
  readonly input: z.infer<typeof InputRecord>;
  readonly output: z.infer<typeof OutputRecord>;
  readonly layers: readonly NetworkLayer[];
  readonly tensors: ReadonlyMap<string, NetworkTensor>;
  readonly steps: readonly NetworkStep[];
  readonly states?: readonly NetworkState[];
}

export interface EncodedNetwork {
  readonly json: string;
  readonly constants: Uint8Array;
}

/** The two files of a network: JSON and safetensors. */
export function encodeNetwork(
  network: IntegerNetwork,
  provenance: Pick<ArtefactHeader, "inputs" | "options">,
): EncodedNetwork {
  const tensors = new Map<string, Tensor>();
  const steps = network.steps.map(({ problem, ...step }) => ({
    ...step,
    inputs: [...step.inputs],
    problem: encodeProblem(problem, step.name, step.weightBits, tensors),
  }));
  const constants = encodeSafetensors(tensors);
  const content = {
    ...provenance,
    name: network.name,
    rounding: "half-up" as const,
    input: network.input,
    output: network.output,
    layers: [...network.layers],
    tensors: [...network.tensors.values()],
    steps,
    ...(network.states && { states: [...network.states] }),
    constants: { sha256: sha256(constants) },
  };
  return { json: encodeArtefact(NetworkCodec, content as ArtefactContent<NetworkRecord>), constants };
}

export interface DecodedNetwork {
  readonly network: IntegerNetwork;
  readonly header: ArtefactHeader;
}

/**
 * Reads a network from its two files.
 * @throws DyadError (input) when a file is damaged, the two do not belong together, or steps and tensors do not fit.
 */
export function decodeNetwork(
  json: string,
  constants: Uint8Array,
  where: string,
  constantsWhere: string,
): DecodedNetwork {
  const record = decodeArtefact(NetworkCodec, json, where);
  const found = sha256(constants);
  if (found !== record.constants.sha256) {
    throw inputError(
      `${constantsWhere}: hashes to ${found.slice(0, 12)}…, ${where} expects ${
        record.constants.sha256.slice(0, 12)
      }…; ` +
        `the two files were not written together or one was changed; run quantize again`,
    );
  }
  const stored = decodeSafetensors(constants, constantsWhere).tensors;
  const tensors = new Map(record.tensors.map((tensor) => [tensor.name, tensor]));
  if (tensors.size < record.tensors.length) {
    const twice = record.tensors.find((tensor) => tensors.get(tensor.name) !== tensor)!;
    throw inputError(`${where}: the tensor ${twice.name} is listed twice, expected each name once`);
  }
  const steps = record.steps.map((step): NetworkStep => ({
    ...step,
    problem: decodeProblem(step.problem, stored, `${where}: step ${step.name}`),
  }));
  const network: IntegerNetwork = {
    name: record.name,
    input: record.input,
    output: record.output,
    layers: record.layers,
    tensors,
    steps,
    ...(record.states && { states: record.states }),
  };
  checkNetwork(network, where);
  return { network, header: record };
}
