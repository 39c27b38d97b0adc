import { sizeOf } from "../tensor/shape.ts";
import { isArrayFile } from "./array_file.ts";
import { arraySamples } from "./array_samples.ts";
import type { DataFile } from "./data_file.ts";
import type { Dataset } from "./dataset.ts";
import { inputError, usageError, within } from "./error.ts";
import { sha256 } from "./hash.ts";
import { isImage } from "./image.ts";
import { imageSamples } from "./image_samples.ts";
import { checkLabels, readLabels } from "./labels.ts";
import { checkPreprocessOptions, makePreprocess, type PreprocessOptions } from "./preprocess.ts";
import type { Samples, SampleShape } from "./samples.ts";

export interface DatasetOptions {
  /** One array file (.npy, .npz, IDX, any of them gzipped), or the files of a folder of PNG and JPEG images. */
  readonly files: readonly DataFile[];
  /** The folder that the files lie in, which errors about them begin with. */
  readonly folder?: string;
  /** What follows N in the model's input; undefined for an extent that the model leaves open. */
  readonly sampleShape: SampleShape;
  readonly preprocess?: PreprocessOptions;
  readonly labels?: DataFile;
  readonly classNames?: readonly string[];
  /** Classes that the model tells apart; the number of class names if left out. */
  readonly classes?: number;
  /** Take only the first so many samples. */
  readonly limit?: number;
}

/**
 * Opens data for a model. All samples up to the limit are held in memory, decoded; images beyond it are not read.
 * @throws DyadError naming the file: (input) for data or labels that are damaged or do not fit the model or each other;
 * (usage) for options that no data could meet.
 */
export function openDataset(options: DatasetOptions): Dataset {
  const { files, sampleShape, preprocess = {}, classNames, limit = Infinity } = options;
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw usageError(`found the limit ${limit}, expected a positive whole number of samples`);
  }
  checkPreprocessOptions(preprocess);
  const request = { shape: sampleShape, preprocess, limit };
  const read = (): Samples => readSamples(files, request);
  const samples = options.folder === undefined ? read() : within(options.folder, read);
  const { data, count, shape, sha256, names, notes } = samples;
  const size = sizeOf(shape);
  const common = {
    name: files.length === 1 ? files[0].name : names?.[0] ?? files[0].name,
    count,
    sampleShape: shape,
    preprocess: makePreprocess(shape.length === 3 ? shape[0] : 1, preprocess),
    sha256,
    ...(options.labels !== undefined && labelsOf(options.labels, samples, options)),
    ...(classNames !== undefined && { classNames }),
    ...(names !== undefined && { names }),
    notes,
  };
  const startOf = (index: number): number => {
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new RangeError(`no sample ${index} in a dataset of ${count}`);
    }
    return index * size;
  };
  if (data instanceof Float32Array) {
    const isPreprocessAssumed = [preprocess.mean, preprocess.std, preprocess.scale].every((given) =>
      given === undefined
    );
    return {
      ...common,
      kind: "float",
      isPreprocessAssumed,
      sample: (index) => data.subarray(startOf(index), startOf(index) + size),
    };
  }
  return { ...common, kind: "pixels", sample: (index) => data.subarray(startOf(index), startOf(index) + size) };
}

function readSamples(files: readonly DataFile[], request: Parameters<typeof arraySamples>[1]): Samples {
  if (files.length === 0) throw inputError("found no data files, expected an array file or images");
  if (files.length > 1) return imageSamples(files, request);
  const [file] = files;
  const { bytes, name } = file;
  if (isImage(bytes)) return imageSamples(files, request);
  if (isArrayFile(bytes)) return arraySamples(file, request);
  throw inputError(`${name}: is not data by its first bytes; expected .npy, .npz, IDX (or one gzipped), PNG or JPEG`);
}

function labelsOf(
  file: DataFile,
  samples: Samples,
  { classNames, classes = classNames?.length }: DatasetOptions,
): { labels: Int32Array; labelsSha256: string } {
  if (classNames !== undefined && classNames.length !== classes) {
    throw inputError(`found ${classNames.length} class names for a model of ${classes} classes`);
  }
  const found = readLabels(file, classNames);
  let labels: Int32Array;
  if (found.kind === "by-name") {
    labels = labelsByName(found.values, samples.names, file.name);
  } else {
    if (found.values.length !== samples.available) {
      throw inputError(
        `${file.name}: found ${found.values.length} labels, expected ${samples.available}, one for each sample of the data`,
      );
    }
    labels = Int32Array.from(found.values.slice(0, samples.count));
  }
  checkLabels(labels, classes, file.name);
  return { labels, labelsSha256: sha256(file.bytes) };
}

/** The label file may name images with or without the folders they lie in: the longest name that fits counts. */
function labelsByName(
  byName: ReadonlyMap<string, number>,
  names: readonly string[] | undefined,
  where: string,
): Int32Array {
  if (names === undefined) {
    throw inputError(`${where}: gives labels by file name, but the data are one array; give one label per line`);
  }
  return Int32Array.from(names, (name) => {
    const parts = name.split(/[/\\]/);
    for (let i = 0; i < parts.length; i++) {
      const label = byName.get(i === 0 ? name : parts.slice(i).join("/"));
      if (label !== undefined) return label;
    }
    throw inputError(`${where}: found no label for ${name}, expected a line "${parts.at(-1)},label"`);
  });
}
