import type { DataFile } from "../../lib/format/data_file.ts";
import type { Dataset } from "../../lib/format/dataset.ts";
import { openDataset } from "../../lib/format/open_dataset.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { importModel } from "../../lib/onnx/import.ts";
import { canonicalize } from "../../lib/passes/mod.ts";

const TESTDATA = new URL("../../testdata/", import.meta.url);

/** The convolutional networks of testdata, and the images right of 10,000 that testdata/README.md states for each. */
export const FASHION_NETWORKS = [
  { name: "resnet20", correct: 9385 },
  { name: "mobile", correct: 9257 },
  { name: "inception", correct: 9278 },
] as const;

export const CLASSES = 10;

function testdata(path: string): DataFile {
  return { name: path, bytes: Deno.readFileSync(new URL(path, TESTDATA)) };
}

/** The canonical graph of a network of testdata/models. */
export function fashionGraph(name: string): Graph {
  const { name: where, bytes } = testdata(`models/${name}.onnx`);
  return canonicalize(importModel(bytes, { where }).graph);
}

/** The 512 calibration images, drawn from the training split, or the first `limit` of them. */
export function calibrationImages(limit?: number): Dataset {
  return fashionImages("data/calib/images.npy", "data/calib/labels.npy", limit);
}

/** The 10,000 test images, or the first `limit` of them. */
export function testImages(limit?: number): Dataset {
  return fashionImages("data/idx/t10k-images-idx3-ubyte.gz", "data/idx/t10k-labels-idx1-ubyte.gz", limit);
}

/** Normalised as the networks were trained (testdata/README.md). */
function fashionImages(images: string, labels: string, limit: number | undefined): Dataset {
  return openDataset({
    files: [testdata(images)],
    labels: testdata(labels),
    sampleShape: [1, 28, 28],
    preprocess: { mean: [0.286], std: [0.353] },
    classes: CLASSES,
    limit,
  });
}
