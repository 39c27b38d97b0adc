import { z } from "./schema.ts";
import type { ConvolutionProblem, IntegerDType, IntegerProblem } from "../arith/problem.ts";
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
import { decodeProblem, encodeProblem, ProblemRecord } from "./network_problem.ts";
import { Preprocess } from "./preprocess.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const Extent = z.int().positive();
const Int32 = z.int().min(-ACCUMULATOR_MAX - 1).max(ACCUMULATOR_MAX);

/** One tensor between steps: how its integers stand for reals, and how they are stored. */
const TensorRecord = z.strictObject({
  name: z.string().min(1),
  shape: z.array(Extent).describe("for one image, in ONNX order (N, C, H, W); rank 4 lies channels-last in memory"),
  dtype: z.enum(["u8", "u16", "i32"]),
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
  weightBits: z.int().min(2).max(8).optional(),
  problem: ProblemRecord,
});

const LayerRecord = z.strictObject({
  name: z.string(),
  weightBits: z.int(),
  activationBits: z.int(),
  parameters: z.int().nonnegative(),
  macs: z.int().nonnegative(),
});
export type NetworkLayer = z.infer<typeof LayerRecord>;

const InputRecord = z.strictObject({
  name: z.string(),
  tensor: z.string(),
  shape: z.array(Extent),
  kind: z.enum(["pixels", "quantized"]).describe(
    "pixels: raw uint8 pixels go in, normalisation is folded; quantized: the caller quantizes the float input",
  ),
  preprocess: Preprocess.optional(),
});

const OutputRecord = z.strictObject({
  name: z.string(),
  tensor: z.string(),
  shape: z.array(Extent),
  dropped: z.string().optional().describe(
    "a last Softmax or LogSoftmax of the float network, which argmax does not need",
  ),
});

/** `dyad/network`: an integer-only network. Its weights and constants are in the safetensors file beside it. */
export const NetworkCodec = defineArtefact("dyad/network", 1, {
  name: z.string(),
  rounding: z.literal("half-up").describe("(value * multiplier + 2^(shift-1)) >> shift, one rounding"),
  input: InputRecord,
  output: OutputRecord,
  layers: z.array(LayerRecord),
  tensors: z.array(TensorRecord),
  steps: z.array(StepRecord),
  constants: z.strictObject({ sha256: Sha256 }).describe("the safetensors file beside this one"),
});
type NetworkRecord = z.infer<typeof NetworkCodec.schema>;

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
  };
  checkNetwork(network, where);
  return { network, header: record };
}

/** Every step reads tensors that exist by then, writes one that nothing else writes, and fits their sizes. */
export function checkNetwork(network: IntegerNetwork, where: string): void {
  const defined = new Set([network.input.tensor]);
  const tensorOf = (name: string, step: string): NetworkTensor => {
    const tensor = network.tensors.get(name);
    if (tensor === undefined) throw inputError(`${where}: step ${step}: tensor ${name} is not in the list of tensors`);
    return tensor;
  };
  tensorOf(network.input.tensor, "(input)");
  for (const step of network.steps) {
    for (const input of step.inputs) {
      tensorOf(input, step.name);
      if (!defined.has(input)) throw inputError(`${where}: step ${step.name} reads ${input} before a step writes it`);
    }
    tensorOf(step.output, step.name);
    if (defined.has(step.output)) throw inputError(`${where}: tensor ${step.output} is written twice, by ${step.name}`);
    defined.add(step.output);
    checkSizes(step, tensorOf, where);
  }
  if (!defined.has(network.output.tensor)) {
    throw inputError(`${where}: no step writes the output tensor ${network.output.tensor}`);
  }
}

function checkSizes(step: NetworkStep, tensorOf: (name: string, step: string) => NetworkTensor, where: string): void {
  const { problem } = step;
  const output = tensorOf(step.output, step.name);
  const inputs = step.inputs.map((name) => tensorOf(name, step.name));
  const expect = (tensor: NetworkTensor, elements: number, dtype: IntegerDType): void => {
    const found = tensor.shape.reduce((a, b) => a * b, 1);
    if (found === elements && tensor.dtype === dtype) return;
    throw inputError(
      `${where}: step ${step.name}: tensor ${tensor.name} is ${tensor.dtype} with ${found} elements, ` +
        `expected ${dtype} with ${elements}`,
    );
  };
  const count = inputs.length;
  const expectInputs = (expected: number): void => {
    if (count !== expected) {
      throw inputError(`${where}: step ${step.name} has ${count} inputs, its problem takes ${expected}`);
    }
  };
  if (problem === undefined) {
    expectInputs(1);
    return expect(output, elementsOf(inputs[0].shape), inputs[0].dtype);
  }
  switch (problem.kind) {
    case "convolution": {
      expectInputs(1);
      const { window: w } = problem;
      expect(inputs[0], w.inputHeight * w.inputWidth * problem.inputChannels, "u8");
      expectRange(problem, inputs[0], `${where}: step ${step.name}`);
      return expect(output, w.outputHeight * w.outputWidth * problem.outputChannels, problem.output?.dtype ?? "i32");
    }
    case "sum":
      expectInputs(problem.terms.length);
      problem.terms.forEach((term, i) => expect(inputs[i], problem.pixels * problem.channels, term.dtype));
      return expect(output, problem.pixels * problem.channels, problem.output.dtype);
    case "concat":
      expectInputs(problem.parts.length);
      problem.parts.forEach((part, i) => expect(inputs[i], problem.outer * part.inner, part.dtype));
      return expect(output, problem.outer * problem.parts.reduce((sum, p) => sum + p.inner, 0), problem.output.dtype);
    case "max_pool":
    case "average_pool": {
      expectInputs(1);
      const { window: w, channels } = problem;
      const [from, to] = problem.kind === "max_pool"
        ? [problem.dtype, problem.dtype]
        : [problem.inputDtype, problem.output.dtype];
      expect(inputs[0], w.inputHeight * w.inputWidth * channels, from);
      return expect(output, w.outputHeight * w.outputWidth * channels, to);
    }
    case "copy":
      expectInputs(1);
      expect(output, problem.targetSize, problem.dtype);
      return expect(inputs[0], elementsOf(inputs[0].shape), problem.dtype);
  }
}

/** The proof of no overflow rests on the range that the input tensor declares. */
function expectRange(problem: ConvolutionProblem, input: NetworkTensor, where: string): void {
  if (input.low >= 0 && input.high <= problem.inputHigh && problem.inputHigh <= 255) return;
  throw inputError(
    `${where}: tensor ${input.name} holds ${input.low} .. ${input.high}, the step is made for 0 .. ${problem.inputHigh}`,
  );
}

function elementsOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}
