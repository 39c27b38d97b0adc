import type { Shape } from "../tensor/shape.ts";
import { normalisePixels, pixelsOfInput, type Preprocess } from "./preprocess.ts";

/** What every dataset has. */
export interface DatasetCommon {
  /** The file, or the first of the images, as errors name it. */
  readonly name: string;
  readonly count: number;
  /** Of one sample, in ONNX order: what follows N in the model's input. */
  readonly sampleShape: Shape;
  readonly preprocess: Preprocess;
  /**
   * SHA-256 of the data: of the file's bytes, as `sha256sum FILE` prints it; for images of the lines that
   * `sha256sum A.png B.png ...` prints in their folder, for the images in use.
   */
  readonly sha256: string;
  /** Class of each sample. */
  readonly labels?: Int32Array;
  /** SHA-256 of the label file's bytes. */
  readonly labelsSha256?: string;
  readonly classNames?: readonly string[];
  /** Of a stream of tokens: the token that follows each of a sample's, what a language model predicts. */
  targets?(index: number): Int32Array;
  /** File name of each sample, for images. */
  readonly names?: readonly string[];
  /** What was done to the data that a user should know, as sentences without a full stop. */
  readonly notes: readonly string[];
}

/** Samples of raw 8-bit pixels, to be normalised by `preprocess`. */
export interface PixelDataset extends DatasetCommon {
  readonly kind: "pixels";
  /** Elements in ONNX order (C, H, W): a view, not to be written to. */
  sample(index: number): Uint8Array;
}

/** Samples that are the network's input already. */
export interface FloatDataset extends DatasetCommon {
  readonly kind: "float";
  /** Nothing said how the floats came from pixels, if they did: `preprocess` holds only defaults. */
  readonly isPreprocessAssumed?: boolean;
  /** Elements in ONNX order: a view, not to be written to. */
  sample(index: number): Float32Array;
}

export type Dataset = PixelDataset | FloatDataset;

/** As much of a dataset as turns its samples into inputs. */
export type SampleSource = SampleSourceOf<PixelDataset> | SampleSourceOf<FloatDataset>;

type SampleSourceOf<D extends Dataset> = Pick<D, "kind" | "name" | "preprocess" | "sample" | "targets">;

/** The float network's input for sample `index`, elements in ONNX order; not to be written to. */
export function sampleAsFloat(dataset: SampleSource, index: number): Float32Array {
  return dataset.kind === "float" ? dataset.sample(index) : normalisePixels(dataset.sample(index), dataset.preprocess);
}

/**
 * The pixels of sample `index`, elements in ONNX order; not to be written to.
 * @throws DyadError (input) for float data that are not pixels normalised as `dataset.preprocess` says.
 */
export function sampleAsPixels(dataset: SampleSource, index: number): Uint8Array {
  return dataset.kind === "pixels"
    ? dataset.sample(index)
    : pixelsOfInput(dataset.sample(index), dataset.preprocess, `${dataset.name}: sample ${index}`);
}

/** Whether it is known what the network should answer: labels, or the tokens that follow. */
export function hasExpectation({ labels, targets }: Pick<Dataset, "labels" | "targets">): boolean {
  return labels !== undefined || targets !== undefined;
}
