import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import { CHUNK_IMAGES } from "./chunk.ts";

/** One image to be measured. It can be sent to a Worker. */
export interface Sample {
  /** Its place in the data. */
  readonly index: number;
  /** The network's input, elements in ONNX order; not to be written to. */
  readonly input: Float32Array;
  readonly label?: number;
  /** Of a stream: the token after each of the sample's. */
  readonly targets?: Int32Array;
}

/** The samples of one chunk out of those of `dataset` that `indices` choose. */
export function samplesOfChunk(dataset: Dataset, indices: readonly number[], chunk: number): Sample[] {
  return indices.slice(chunk * CHUNK_IMAGES, (chunk + 1) * CHUNK_IMAGES).map((index) => ({
    index,
    input: sampleAsFloat(dataset, index).slice(), // a view would take the whole dataset along to a Worker
    label: dataset.labels?.[index],
    targets: dataset.targets?.(index),
  }));
}
