import type { Dataset } from "../lib/format/dataset.ts";

/** The samples of `dataset` at `indices`, as a dataset; hashes and notes stay those of the whole. */
export function chooseSamples(dataset: Dataset, indices: readonly number[]): Dataset {
  const { labels, names, targets } = dataset;
  const chosen = {
    count: indices.length,
    ...(labels && { labels: Int32Array.from(indices, (index) => labels[index]) }),
    ...(targets && { targets: (i: number) => targets(indices[i]) }),
    ...(names && { names: indices.map((index) => names[index]) }),
  };
  return dataset.kind === "pixels"
    ? { ...dataset, ...chosen, sample: (i) => dataset.sample(indices[i]) }
    : { ...dataset, ...chosen, sample: (i) => dataset.sample(indices[i]) };
}
