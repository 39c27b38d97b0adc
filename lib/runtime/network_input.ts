import { quantize } from "../arith/quantization.ts";
import { type Dataset, sampleAsFloat, sampleAsPixels, type SampleSource } from "../format/dataset.ts";
import { inputError } from "../format/error.ts";
import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";

/**
 * Refuses data that the network cannot take: of another size, or made into its input in another way than the one that
 * the network folded.
 * @throws DyadError (input) naming the data.
 */
export function checkNetworkInput(network: IntegerNetwork, dataset: Dataset): void {
  const { input, name } = network;
  if (dataset.count === 0) throw inputError(`${dataset.name}: found no samples, expected at least one`);
  if (input.kind === "indices") return checkTokens(network, dataset);
  if (sizeOf(dataset.sampleShape) !== sizeOf(input.shape)) {
    throw inputError(
      `${dataset.name}: a sample has ${formatShape(dataset.sampleShape)} elements, network ${name} takes ` +
        `${formatShape(input.shape)}`,
    );
  }
  if (input.kind !== "pixels" || input.preprocess === undefined) return;
  for (const key of ["mean", "std", "scale"] as const) {
    const [given, folded] = [[dataset.preprocess[key]].flat(), [input.preprocess[key]].flat()];
    if (given.length === folded.length && given.every((value, i) => value === folded[i])) continue;
    throw inputError(
      `${dataset.name}: is normalised with ${key} ${given.join(",")}, network ${name} was made for ${
        folded.join(",")
      }; ` +
        `leave out --${key}, or quantize again`,
    );
  }
}

/** Samples of tokens are these alone, or with the states that a float model has before them. */
function checkTokens({ input, name, states = [], tensors }: IntegerNetwork, dataset: Dataset): void {
  const tokens = sizeOf(input.shape);
  const found = sizeOf(dataset.sampleShape);
  const ofStates = states.reduce((sum, { tensor }) => sum + sizeOf(tensors.get(tensor)!.shape), 0);
  if (found === tokens || found === tokens + ofStates) return;
  throw inputError(
    `${dataset.name}: a sample has ${found} token ids and elements of states, network ${name} takes ${tokens} token ids` +
      (ofStates > 0 ? ` and ${ofStates} elements of states` : "") +
      `; give the model the --input-shape that the network was quantized with, ${input.name}=${input.shape.join(",")}`,
  );
}

/**
 * The integers that go into the network for one sample, in ONNX order; of a stream of tokens only these, since the network
 * has its states. @throws DyadError (input) naming the data, for a token that the network does not have.
 */
export function networkInput(
  { input, tensors }: IntegerNetwork,
  dataset: SampleSource,
  index: number,
): ArrayLike<number> {
  if (input.kind === "pixels") return sampleAsPixels(dataset, index);
  const quantization = tensors.get(input.tensor)!;
  if (input.kind === "indices") {
    return indicesOf(sampleAsFloat(dataset, index), sizeOf(input.shape), quantization, index);
  }
  return Array.from(sampleAsFloat(dataset, index), (value) => quantize(value, quantization));
}

/**
 * The states before one sample of a float model's stream of tokens, which has them behind its tokens, as the network holds
 * them: for samples that are run out of order.
 */
export function networkStates({ input, states = [], tensors }: IntegerNetwork, sample: Float32Array): Int32Array[] {
  let next = sizeOf(input.shape);
  return states.map(({ tensor }) => {
    const held = tensors.get(tensor)!;
    const elements = sample.subarray(next, next += sizeOf(held.shape));
    return Int32Array.from(elements, (value) => quantize(value, held));
  });
}

function indicesOf(sample: Float32Array, count: number, { low, high }: NetworkTensor, sampleIndex: number): Int32Array {
  return Int32Array.from(sample.subarray(0, count), (token, position) => {
    if (Number.isInteger(token) && token >= low && token <= high) return token;
    throw inputError(`sample ${sampleIndex}: token ${position} is ${token}, expected ${low} to ${high}`);
  });
}
