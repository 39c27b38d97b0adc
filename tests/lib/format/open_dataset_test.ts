import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { DataFile } from "../../../lib/format/data_file.ts";
import { type Dataset, sampleAsFloat, sampleAsPixels } from "../../../lib/format/dataset.ts";
import { encodeNpy } from "../../../lib/format/npy.ts";
import { type DatasetOptions, openDataset } from "../../../lib/format/open_dataset.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";
import { expectError } from "./expect_error.ts";
import { plainPng } from "./png_bytes.ts";
import { zipBytes } from "./zip_bytes.ts";

const DATA = new URL("../../../testdata/data/", import.meta.url);
const FASHION = { mean: [0.2860], std: [0.3530] };

function onDisk(path: string): DataFile {
  return { name: path, bytes: Deno.readFileSync(new URL(path, DATA)) };
}

function npy(t: Tensor, name = "d.npy"): DataFile {
  return { name, bytes: encodeNpy(t) };
}

function text(name: string, content: string): DataFile {
  return { name, bytes: new TextEncoder().encode(content) };
}

function u8(shape: readonly number[], ...data: number[]): Tensor {
  return tensor("u8", shape, Uint8Array.from(data));
}

function f32(shape: readonly number[], ...data: number[]): Tensor {
  return tensor("f32", shape, Float32Array.from(data));
}

function samplesOf(dataset: Dataset): number[][] {
  return Array.from({ length: dataset.count }, (_, i) => [...dataset.sample(i)]);
}

function open(file: DataFile, sampleShape: DatasetOptions["sampleShape"], rest: Partial<DatasetOptions> = {}): Dataset {
  return openDataset({ files: [file], sampleShape, ...rest });
}

function pngFolder(): DataFile[] {
  return [...Deno.readDirSync(new URL("png/", DATA))].map(({ name }) => onDisk(`png/${name}`));
}

Deno.test("dataset: the IDX test images with their labels", () => {
  const dataset = open(onDisk("idx/t10k-images-idx3-ubyte.gz"), [1, 28, 28], {
    labels: onDisk("idx/t10k-labels-idx1-ubyte.gz"),
    classes: 10,
    preprocess: FASHION,
  });
  assert.deepEqual([dataset.kind, dataset.count, dataset.sampleShape], ["pixels", 10000, [1, 28, 28]]);
  assert.deepEqual([...dataset.labels!.slice(0, 5)], [9, 2, 1, 1, 6]);
  const bytes = Deno.readFileSync(new URL("idx/t10k-images-idx3-ubyte.gz", DATA));
  assert.equal(dataset.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.equal(dataset.sample(9999).length, 784);
  assert.throws(() => dataset.sample(10000), RangeError);
});

Deno.test("dataset: the PNG folder is exactly the first 64 IDX images, with labels by file name", () => {
  const idx = open(onDisk("idx/t10k-images-idx3-ubyte.gz"), [1, 28, 28], {
    limit: 64,
    labels: onDisk("idx/t10k-labels-idx1-ubyte.gz"),
  });
  const files = pngFolder();
  const table = files.map(({ name }) => `${name.slice(4)},${name.split("_")[1]}`).join("\n");
  const png = openDataset({
    files: files.reverse(),
    sampleShape: [1, 28, 28],
    labels: text("labels.csv", `filename,label\n${table}\n`),
    classes: 10,
  });
  assert.equal(png.count, 64);
  assert.deepEqual(samplesOf(png), samplesOf(idx));
  assert.deepEqual(png.labels, idx.labels);
  assert.equal(png.names![0], "png/00000_9_ankle-boot.png");
  const lines = png.names!.map((name) => {
    const hash = createHash("sha256").update(Deno.readFileSync(new URL(name, DATA))).digest("hex");
    return `${hash}  ${name.slice(4)}\n`;
  });
  assert.equal(png.sha256, createHash("sha256").update(lines.join("")).digest("hex"));
});

Deno.test("dataset: the float calibration data convert to pixels, and back to the same bits", () => {
  const dataset = open(onDisk("calib/images.npy"), [1, 28, 28], {
    labels: onDisk("calib/labels.npy"),
    classes: 10,
    preprocess: FASHION,
  });
  assert.deepEqual([dataset.kind, dataset.count, dataset.labels!.length], ["float", 512, 512]);
  for (let i = 0; i < dataset.count; i++) {
    const pixels = sampleAsPixels(dataset, i);
    const again = open(npy(tensor("u8", [1, 28, 28], pixels)), [1, 28, 28], { preprocess: FASHION });
    assert.deepEqual(sampleAsFloat(again, 0), dataset.sample(i));
    assert.equal(sampleAsFloat(dataset, i)[0], dataset.sample(i)[0]);
  }
});

Deno.test("dataset: the same data feed a model of rows of pixels", () => {
  const images = open(onDisk("calib/images.npy"), [28, 28], { preprocess: FASHION, limit: 3 });
  assert.deepEqual([images.count, images.sampleShape, images.preprocess.channels], [3, [28, 28], 1]);
  const png = openDataset({ files: pngFolder(), sampleShape: [28, 28], limit: 2 });
  assert.deepEqual([png.count, png.sampleShape], [2, [28, 28]]);
});

Deno.test("dataset: arrays of images in each form", () => {
  const cases: [Tensor, DatasetOptions["sampleShape"], "NCHW" | "NHWC", number[][]][] = [
    [u8([2, 1, 1, 2], 1, 2, 3, 4), [1, 1, 2], "NCHW", [[1, 2], [3, 4]]],
    [u8([2, 1, 2], 1, 2, 3, 4), [1, 1, 2], "NCHW", [[1, 2], [3, 4]]],
    [u8([2, 1, 2], 1, 2, 3, 4), [1, 1, 2], "NHWC", [[1, 2], [3, 4]]],
    [u8([1, 2, 1], 1, 2), [1, 1, 2], "NHWC", [[1, 2]]],
    [u8([1, 1, 2, 3], 1, 2, 3, 4, 5, 6), [3, 1, 2], "NHWC", [[1, 4, 2, 5, 3, 6]]],
    [u8([1, 2, 3], 1, 2, 3, 4, 5, 6), [3, 1, 2], "NHWC", [[1, 4, 2, 5, 3, 6]]],
    [u8([3, 1, 2], 1, 2, 3, 4, 5, 6), [3, 1, 2], "NCHW", [[1, 2, 3, 4, 5, 6]]],
    [u8([2, 1, 1], 7, 9), [3, 1, 1], "NCHW", [[7, 7, 7], [9, 9, 9]]],
    [u8([1, 3, 1, 1], 255, 0, 0), [1, 1, 1], "NCHW", [[76]]],
    [u8([2, 2], 1, 2, 3, 4), [2, 2], "NCHW", [[1, 2, 3, 4]]],
    [f32([1, 1, 2, 3], 1, 2, 3, 4, 5, 6), [3, 1, 2], "NHWC", [[1, 4, 2, 5, 3, 6]]],
    [f32([1, 2, 3], 1, 2, 3, 4, 5, 6), [3, 1, 2], "NHWC", [[1, 4, 2, 5, 3, 6]]],
    [f32([2, 1, 1, 2], 1, 2, 3, 4), [1, undefined, undefined], "NCHW", [[1, 2], [3, 4]]],
    [tensor("f64", [1, 1, 2], Float64Array.of(0.5, 2)), [1, 2], "NCHW", [[0.5, 2]]],
  ];
  for (const [data, shape, layout, expected] of cases) {
    const dataset = open(npy(data), shape, { preprocess: { layout } });
    assert.deepEqual(samplesOf(dataset), expected, `${data.dtype} [${data.shape}] ${layout}`);
    assert.equal(dataset.kind, data.dtype === "u8" ? "pixels" : "float");
  }
});

Deno.test("dataset: samples that are no images", () => {
  const vectors = open(npy(f32([2, 3], 1, 2, 3, 4, 5, 6)), [3]);
  assert.deepEqual(samplesOf(vectors), [[1, 2, 3], [4, 5, 6]]);
  const single = open(npy(f32([3], 1, 2, 3)), [3]);
  assert.deepEqual([single.count, single.sampleShape], [1, [3]]);
  const volumes = open(npy(f32([1, 2, 1, 1, 2], 1, 2, 3, 4)), [2, 1, undefined, 2]);
  assert.deepEqual(volumes.sampleShape, [2, 1, 1, 2]);
  const flat = open(npy(u8([1, 2], 0, 255)), [2]);
  assert.deepEqual(sampleAsFloat(flat, 0), Float32Array.of(0, 1));
});

Deno.test("dataset: npz by key, and gzipped npy", () => {
  const x = { name: "x.npy", content: encodeNpy(f32([1, 2], 1, 2)) };
  const y = { name: "y.npy", content: encodeNpy(f32([1, 2], 3, 4)), isDeflated: true };
  const file = { name: "d.npz", bytes: zipBytes([x, y]) };
  assert.deepEqual(samplesOf(open(file, [2])), [[1, 2]]);
  assert.deepEqual(samplesOf(open({ ...file, key: "y" }, [2])), [[3, 4]]);
  const packed = { name: "d.npy.gz", bytes: Uint8Array.from(gzipSync(x.content)) };
  assert.deepEqual(samplesOf(open(packed, [2])), [[1, 2]]);
  expectError("input", () => open({ ...packed, key: "y" }, [2]), 'd.npy.gz: found the key "y" for a file that is not');
  expectError("input", () => open({ ...packed, unpackLimit: 9 }, [2]), "more than 9 bytes");
});

Deno.test("dataset: pixels are resized, arrays and images alike", () => {
  const pixels = [0, 100, 200, 50];
  const preprocess = { resize: [1, 2] as const };
  const array = open(npy(u8([1, 1, 2, 2], ...pixels)), [1, 1, 2], { preprocess });
  const image = open({ name: "a.png", bytes: plainPng(2, 2, 1, Uint8Array.from(pixels)) }, [1, 1, 2], { preprocess });
  assert.deepEqual(samplesOf(array), [[100, 75]]);
  assert.deepEqual(samplesOf(image), [[100, 75]]);
  assert.deepEqual(array.preprocess.resize, [1, 2]);
  assert.deepEqual(image.notes, ["1 image was resized"]);
});

Deno.test("dataset: a folder is sorted by name, other files are skipped and counted, limits read nothing more", () => {
  const image = (name: string, value: number): DataFile => ({
    name,
    bytes: plainPng(1, 1, 3, new Uint8Array(3).fill(value)),
  });
  const unread: DataFile = {
    name: "z.png",
    get bytes(): Uint8Array {
      throw new Error("read beyond the limit");
    },
  };
  const files = [unread, image("b.png", 2), text("LICENSE", "x"), image("B.PNG", 1), image("é.png", 3)];
  const dataset = openDataset({ files, sampleShape: [1, undefined, undefined], limit: 2 });
  assert.deepEqual(samplesOf(dataset), [[1], [2]]);
  assert.deepEqual(dataset.names, ["B.PNG", "b.png"]);
  assert.deepEqual(dataset.notes, ["1 file that is no image was skipped", "2 images were converted to grey"]);
});

Deno.test("dataset: data that do not fit the model are input errors that name the file", () => {
  const image = { name: "a.png", bytes: plainPng(2, 3, 1, new Uint8Array(6)) };
  const other = { name: "b.png", bytes: plainPng(3, 2, 1, new Uint8Array(6)) };
  expectError("input", () => open(image, [1, 28, 28]), "a.png: found 2x3 pixels, expected 28x28", "--resize 28x28");
  expectError(
    "input",
    () => openDataset({ files: [image, other], sampleShape: [1, undefined, undefined] }),
    "b.png: found 3x2 pixels of 1 channel, expected 2x3",
    "a.png",
    "--resize 2x3",
  );
  expectError("input", () => open(image, [5, 2, 3]), "a.png: found 1 channels, expected 5");
  expectError("input", () => open(image, [784]), "a.png: is an image, but the model takes Nx784");
  expectError("input", () => open(npy(u8([1, 2, 2], 1, 2, 3, 4)), [1, 3, 3]), "d.npy: found 2x2 pixels, expected 3x3");
  expectError(
    "input",
    () => open(image, [1, 4, 4], { preprocess: { resize: [5, 5] } }),
    "found 5x5 pixels after resizing",
  );
  expectError(
    "input",
    () => open(npy(f32([1, 1, 2, 2], 1, 2, 3, 4)), [1, 3, 3]),
    "d.npy: found 1x1x2x2 elements of f32, the model takes Nx1x3x3 (layout NCHW",
  );
  expectError("input", () => open(npy(f32([1, 3, 1, 1], 1, 2, 3)), [1, 1]), "found 1x3x1x1");
  expectError(
    "input",
    () => open(npy(f32([2, 3], 1, 2, 3, 4, 5, 6)), [4]),
    "found 2x3 elements of f32, the model takes Nx4",
  );
  expectError(
    "input",
    () => open(npy(tensor("i64", [1], BigInt64Array.of(1n))), [1]),
    "d.npy: found elements of i64, expected u8",
  );
  expectError(
    "input",
    () => open(npy(f32([2, 2], 1, 2, 3, Infinity)), [2]),
    "d.npy: found Infinity in sample 1 at element 1",
  );
  expectError("input", () => open(npy(f32([2, 2], 1, NaN, 3, 4)), [2]), "d.npy: found NaN in sample 0 at element 1");
  expectError(
    "input",
    () => open(npy(tensor("f64", [1, 1], Float64Array.of(1e300))), [1]),
    "found Infinity in sample 0",
  );
  expectError("input", () => open(npy(f32([0, 2])), [2]), "d.npy: found 0x2 elements, expected at least one sample");
  expectError("input", () => open(npy(u8([0, 2, 2])), [1, 2, 2]), "expected at least one sample");
  expectError("input", () => open(npy(u8([3, 0, 2])), [1, 0, 2]), "expected at least one sample");
});

Deno.test("dataset: NaN beyond the limit is not looked at", () => {
  assert.equal(open(npy(f32([2, 1], 1, NaN)), [1], { limit: 1 }).count, 1);
});

Deno.test("dataset: files that are no data, and options that cannot be met", () => {
  const array = npy(f32([1, 1, 2, 2], 1, 2, 3, 4));
  expectError("input", () => openDataset({ files: [], sampleShape: [1] }), "found no data files");
  expectError("input", () => open(text("a.txt", "hello"), [1]), "a.txt: is not data by its first bytes");
  expectError(
    "input",
    () => openDataset({ files: [array, text("b", "b")], sampleShape: [1] }),
    "found 2 files, such as d.npy, none of them an image",
  );
  expectError("usage", () => open(array, [1, 2, 2], { limit: 0 }), "found the limit 0");
  expectError("usage", () => open(array, [1, 2, 2], { preprocess: { resize: [2, 2] } }), "leave --resize out");
  expectError("usage", () => open(array, [1, 2, 2], { preprocess: { resize: [-1, 2] } }), "-1x2");
  expectError("usage", () => open(array, [1, 2, 2], { preprocess: { std: [1, 2] } }), "found 2 numbers");
});

Deno.test("dataset: labels must fit the data and the classes", () => {
  const array = npy(f32([3, 1], 1, 2, 3));
  const labelled = (content: string, rest: Partial<DatasetOptions> = {}) => () =>
    open(array, [1], { labels: text("l.csv", content), ...rest });
  assert.deepEqual(labelled("2\n1\n0", { limit: 2 })().labels, Int32Array.of(2, 1));
  const named = labelled("cat\ndog\ncat", { classNames: ["cat", "dog"] })();
  assert.deepEqual([[...named.labels!], named.classNames], [[0, 1, 0], ["cat", "dog"]]);
  assert.equal(named.labelsSha256, createHash("sha256").update("cat\ndog\ncat").digest("hex"));
  expectError("input", labelled("1\n2"), "l.csv: found 2 labels, expected 3");
  expectError("input", labelled("0\n1\n2", { classes: 2 }), "l.csv: found the label 2 at index 2, expected 0 to 1");
  expectError("input", labelled("0\n1\n2", { classNames: ["a", "b"] }), "expected 0 to 1 for 2 classes");
  expectError(
    "input",
    labelled("0\n1\n0", { classNames: ["a", "b"], classes: 3 }),
    "found 2 class names for a model of 3",
  );
  expectError("input", labelled("a.png,1"), "l.csv: gives labels by file name, but the data are one array");
});

Deno.test("dataset: labels by file name, with or without folders, one for each image", () => {
  const image = (name: string): DataFile => ({ name, bytes: plainPng(1, 1, 1, Uint8Array.of(0)) });
  const files = [image("set/a/1.png"), image("set/b/1.png"), image("set/2.png")];
  const labelled = (content: string) => () =>
    openDataset({ files, sampleShape: [1, 1, 1], labels: text("l.csv", content) });
  assert.deepEqual(labelled("a/1.png,4\nb/1.png,5\nset/2.png,6\nunused.png,7")().labels, Int32Array.of(6, 4, 5));
  assert.deepEqual(labelled("1.png,4\n2.png,5")().labels, Int32Array.of(5, 4, 4));
  expectError(
    "input",
    labelled("a/1.png,4\n2.png,5"),
    'l.csv: found no label for set/b/1.png, expected a line "1.png,label"',
  );
});
