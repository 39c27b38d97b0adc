import { z } from "./schema.ts";
import type { Range } from "../arith/quantization.ts";
import { WEIGHT_METHODS, type WeightMethod } from "../arith/weight_quantization.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { defineArtefact, FileReference, Sha256 } from "./artefact.ts";
import { inputError } from "./error.ts";
import { type ContentOf, uniquelyNamed } from "./plan.ts";
import { Preprocess } from "./preprocess.ts";

/** The key of a range that holds at every width. */
export const ANY_BITS = "any";

const RangeWithZero = z.strictObject({
  min: z.number().max(0, "expected a range that holds 0").describe("smallest real value, at most 0"),
  max: z.number().min(0, "expected a range that holds 0").describe("largest real value, at least 0"),
});

const BitRanges = z.record(z.string().regex(/^(any|[1-9]|1[0-6])$/), RangeWithZero, {
  error: ({ code }) => code === "invalid_key" ? 'expected a bit width from 1 to 16, or "any"' : undefined,
}).describe('range by bit width; "any" holds at the widths that are not listed');
export type BitRanges = z.infer<typeof BitRanges>;

const RANGES = {
  ranges: z.record(z.string(), BitRanges).describe("by method: the range that an affine quantizer should cover"),
  symmetricRanges: z.record(z.string(), BitRanges).optional().describe(
    "the same for a quantizer symmetric about 0; left out where it is the same",
  ),
};
const TensorRanges = z.strictObject(RANGES);
export type TensorRanges = z.infer<typeof TensorRanges>;

const shape = z.array(z.int().nonnegative());

const BitWidthKey = z.string().regex(/^([1-9]|1[0-6])$/, "expected a bit width from 1 to 16");

const CalibratedTensor = z.strictObject({
  name: z.string().min(1).describe("name of the tensor, as in the model"),
  shape: shape.optional().describe("extents for one sample, as ONNX writes them"),
  count: z.int().nonnegative().optional().describe("how many values were seen"),
  min: z.number().optional().describe("smallest value seen"),
  max: z.number().optional().describe("largest value seen"),
  channelMeans: z.array(z.number()).optional().describe(
    "mean of each channel, for tensors that layers read: what bias correction needs",
  ),
  channelShifts: z.record(BitWidthKey, z.array(z.number())).optional().describe(
    "by bit width: how much quantizing by the calibration's method moves the mean of each channel",
  ),
  ...RANGES,
});
export type CalibratedTensor = z.infer<typeof CalibratedTensor>;

const CalibratedWeights = z.strictObject({
  name: z.string().min(1).describe("name of the layer"),
  tensor: z.string().min(1).describe("name of its weights; their ranges per channel are in the companion file"),
  channels: z.int().positive().describe("number of output channels"),
  min: z.number().describe("smallest weight"),
  max: z.number().describe("largest weight"),
});
export type CalibratedWeights = z.infer<typeof CalibratedWeights>;

const MethodErrors = z.record(z.string(), z.number().nonnegative());

const WidthChoice = z.strictObject({
  measuredBits: z.int().positive().optional().describe(
    "the width at which the errors were measured, where the choice is that of a wider one",
  ),
  activations: z.string().describe("method of activation ranges"),
  activationErrors: MethodErrors.describe("by method: mean KL of the network's output with all activations quantized"),
  weights: z.enum(WEIGHT_METHODS).describe("method of weight scales"),
  weightErrors: MethodErrors.describe("by method: mean KL of the network's output with all weights quantized"),
});
export type WidthChoice = z.infer<typeof WidthChoice>;

/** The name of the method whose range at a width is that of the method found best there. */
export const AUTO_METHOD = "auto";

/**
 * `dyad/calibration`: the range of every tensor by every method, computed from statistics that lie beside it in a
 * safetensors file (lib/format/tensor_statistics.ts). Written by hand, a tensor is
 *
 *     { "name": "conv1", "ranges": { "min-max": { "any": { "min": 0, "max": 6 } } } }
 */
export const CalibrationCodec = defineArtefact("dyad/calibration", 1, {
  method: z.string().min(1).describe("the method that later steps use unless told otherwise"),
  choices: z.record(BitWidthKey, WidthChoice).optional().describe(
    'by bit width: the methods that were found best, which the method "auto" stands for',
  ),
  samples: z.int().nonnegative().describe("how many samples were run"),
  data: z.strictObject({
    sha256: Sha256,
    first: z.int().nonnegative().default(0).describe("index in the data of the first sample that was run"),
  }).optional().describe("where the samples are from"),
  preprocess: Preprocess.optional().describe("how pixels become the input; left out when the data are not images"),
  input: z.strictObject({ name: z.string(), shape }).describe("the input of the network, for one sample"),
  model: z.strictObject({ name: z.string() }).optional().describe("what the model calls itself"),
  tensors: uniquelyNamed(CalibratedTensor).describe("every tensor of the network, in the order of the network"),
  weights: z.array(CalibratedWeights).default([]).describe("the weights of every layer"),
  tensorsFile: FileReference.optional().describe("the safetensors file beside it"),
});

/** The content of a calibration after the header. */
export type Calibration = ContentOf<typeof CalibrationCodec>;

/**
 * The range of `tensorName` by `method` for a quantizer of `bits`, affine unless `symmetric`.
 * @throws DyadError (input) naming the tensor when the calibration does not hold it.
 */
export function rangeOf(
  { tensors }: Pick<Calibration, "tensors">,
  tensorName: string,
  method: string,
  bits: number,
  symmetric = false,
): Range {
  const found = tensors.find(({ name }) => name === tensorName);
  if (!found) {
    throw inputError(
      `tensor "${tensorName}": not among the ${tensors.length} tensors of the calibration, the first of which is ` +
        `"${tensors[0]?.name}"; calibrate the model that is used now`,
    );
  }
  const byMethod = symmetric ? found.symmetricRanges ?? found.ranges : found.ranges;
  if (!Object.hasOwn(byMethod, method)) {
    throw inputError(
      `tensor "${tensorName}": found no range of the method "${method}", expected one of ` +
        `${Object.keys(byMethod).join(", ")}; choose one of these, or calibrate with --method ${method}`,
    );
  }
  const byBits = byMethod[method];
  const range = byBits[bits] ?? byBits[ANY_BITS];
  if (!range) {
    throw inputError(
      `tensor "${tensorName}": found no range of the method "${method}" at ${bits} bits, expected one of ` +
        `${Object.keys(byBits).join(", ")} bits; add it to the calibration, or choose another method`,
    );
  }
  return range;
}

/** How weight scales may be asked for: by method, or `auto`, the method that calibration found best at each width. */
export const WEIGHT_CHOICES = [AUTO_METHOD, ...WEIGHT_METHODS] as const;
export type WeightChoice = (typeof WEIGHT_CHOICES)[number];

/** The method that `choice` stands for at `bits`; max-abs where a calibration made no choice. */
export function weightMethodOf(
  { choices }: Pick<Calibration, "choices">,
  bits: number,
  choice: WeightChoice,
): WeightMethod {
  return choice === AUTO_METHOD ? choices?.[bits]?.weights ?? "max-abs" : choice;
}

/** Means per channel of a tensor, undefined where the calibration does not hold them. */
export function channelMeansOf({ tensors }: Pick<Calibration, "tensors">, tensorName: string): number[] | undefined {
  return tensors.find(({ name }) => name === tensorName)?.channelMeans;
}

/**
 * How much quantizing a tensor to `bits` moves the mean of each channel; undefined where the calibration does not hold it
 * or `method` is not its own.
 */
export function channelShiftsOf(
  { tensors, method: own }: Pick<Calibration, "tensors" | "method">,
  tensorName: string,
  method: string,
  bits: number,
): number[] | undefined {
  return method === own ? tensors.find(({ name }) => name === tensorName)?.channelShifts?.[bits] : undefined;
}

const WEIGHTS_PREFIX = "weights/";

/** Ranges of weights per channel as tensors of the companion file: `weights/<tensor>` f32 [channels, 2]. */
export function encodeWeightRanges(ranges: ReadonlyMap<string, readonly Range[]>): Map<string, Tensor> {
  return new Map(
    Array.from(ranges, ([name, channels]) => {
      const data = Float32Array.from(channels.flatMap(({ min, max }) => [min, max]));
      return [WEIGHTS_PREFIX + name, tensor("f32", [channels.length, 2], data)];
    }),
  );
}

/**
 * Ranges of weights per channel from the tensors of the companion file; tensors of other names are left to others.
 * @throws DyadError (input) naming the tensor for another dtype or shape, and for a channel without a range.
 */
export function decodeWeightRanges(tensors: ReadonlyMap<string, Tensor>): Map<string, Range[]> {
  const ranges = new Map<string, Range[]>();
  for (const [key, { dtype, shape, data }] of tensors) {
    if (!key.startsWith(WEIGHTS_PREFIX)) continue;
    if (dtype !== "f32" || shape.length !== 2 || shape[1] !== 2) {
      throw inputError(`tensor "${key}": found ${dtype} [${shape}], expected f32 [channels, 2]`);
    }
    ranges.set(
      key.slice(WEIGHTS_PREFIX.length),
      Array.from({ length: shape[0] }, (_, channel) => {
        const [min, max] = [Number(data[2 * channel]), Number(data[2 * channel + 1])];
        if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max)) {
          throw inputError(
            `tensor "${key}", channel ${channel}: found the range ${min} to ${max}, expected min <= max`,
          );
        }
        return { min, max };
      }),
    );
  }
  return ranges;
}
