import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { checkLabels, parseClassNames, readLabels } from "../../../lib/format/labels.ts";
import { encodeNpy } from "../../../lib/format/npy.ts";
import { allocate, bytesOfArray, type DType, DTYPES } from "../../../lib/tensor/dtype.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";
import { expectError } from "./expect_error.ts";
import { zipBytes } from "./zip_bytes.ts";

const DATA = new URL("../../../testdata/data/", import.meta.url);

function text(content: string, classNames?: string[]) {
  return readLabels({ name: "labels.csv", bytes: new TextEncoder().encode(content) }, classNames);
}

function npy(bytes: Uint8Array) {
  return readLabels({ name: "labels.npy", bytes });
}

function inOrder(...values: number[]) {
  return { kind: "in-order", values };
}

Deno.test("labels: arrays of every integer type", () => {
  for (const dtype of Object.keys(DTYPES) as DType[]) {
    const data = allocate(dtype, 2);
    bytesOfArray(data)[0] = 3; // little-endian
    const file = encodeNpy(tensor(dtype, [2], data));
    if (dtype === "bool" || dtype === "f32" || dtype === "f64") {
      expectError("input", () => npy(file), `labels.npy: found 2 elements of ${dtype}, expected one integer label`);
    } else {
      assert.deepEqual(npy(file), inOrder(3, 0), dtype);
    }
  }
  const column = encodeNpy(tensor("u8", [2, 1], Uint8Array.of(4, 5)));
  assert.deepEqual(npy(column), inOrder(4, 5));
  expectError("input", () => npy(encodeNpy(tensor("u8", [1, 2], Uint8Array.of(4, 5)))), "found 1x2 elements");
  const huge = encodeNpy(tensor("i64", [1], BigInt64Array.of(2n ** 40n)));
  expectError("input", () => npy(huge), "labels.npy: index 0: found the label 1099511627776");
});

Deno.test("labels: IDX, gzip and npz", () => {
  const idx = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 9, 2, 1);
  assert.deepEqual(readLabels({ name: "l", bytes: idx }), inOrder(9, 2, 1));
  assert.deepEqual(readLabels({ name: "l.gz", bytes: Uint8Array.from(gzipSync(idx)) }), inOrder(9, 2, 1));
  const x = { name: "x.npy", content: encodeNpy(tensor("f32", [1], Float32Array.of(1))) };
  const y = { name: "y.npy", content: encodeNpy(tensor("i32", [1], Int32Array.of(6))) };
  assert.deepEqual(readLabels({ name: "d.npz", bytes: zipBytes([x, y]), key: "y" }), inOrder(6));
});

Deno.test("labels: one per line, with and without a heading", () => {
  assert.deepEqual(text("3\n0\n\n7\n"), inOrder(3, 0, 7));
  assert.deepEqual(text("label\n3\n0"), inOrder(3, 0));
  assert.deepEqual(text("cat\n1\ndog", ["dog", "cat"]), inOrder(1, 1, 0));
  assert.deepEqual(text("class\ncat", ["dog", "cat"]), inOrder(1));
});

Deno.test("labels: by file name, with and without a heading", () => {
  const expected = { kind: "by-name", values: new Map([["a.png", 1], ["b,c.png", 0]]) };
  assert.deepEqual(text('a.png,1\n"b,c.png",0'), expected);
  assert.deepEqual(text('filename,label\na.png,1\n"b,c.png",0'), expected);
  assert.deepEqual(text('file,class\na.png,dog\n"b,c.png",cat', ["cat", "dog"]), expected);
});

Deno.test("labels: a class name wins over a number", () => {
  assert.deepEqual(text("1\n0", ["1", "0"]), inOrder(0, 1));
});

Deno.test("labels: text that cannot be read is an input error with its line", () => {
  expectError("input", () => text(""), "labels.csv: found no lines");
  expectError("input", () => text("a,b,1"), "found 3 columns");
  expectError("input", () => text("1\ncat"), 'line 2: found the label "cat"', "no class list");
  expectError("input", () => text("dog\ncow", ["dog"]), 'line 2: found the label "cow"', "a class name");
  expectError("input", () => text("a.png,1\n2"), "line 2: found 1 columns, expected 2 as in line 1");
  expectError("input", () => text("a.png,1\na.png,2"), 'line 2: found the file "a.png" twice');
  expectError("input", () => text("1\n2.5"), 'line 2: found the label "2.5"');
  expectError("input", () => text("99999999999"), "line 1: found the label 99999999999, expected one under");
  expectError("input", () => readLabels({ name: "l", bytes: Uint8Array.of(0xff, 0xfe) }), "l: is neither a .npy");
});

Deno.test("labels: range", () => {
  checkLabels(Int32Array.of(0, 9), 10, "l");
  checkLabels(Int32Array.of(0, 1000), undefined, "l");
  expectError(
    "input",
    () => checkLabels(Int32Array.of(0, 10), 10, "l"),
    "l: found the label 10 at index 1, expected 0 to 9 for 10",
  );
  expectError("input", () => checkLabels(Int32Array.of(-1), undefined, "l"), "label -1 at index 0, expected 0 or more");
});

Deno.test("class names: the list of the test data, and lists that are wrong", () => {
  const names = parseClassNames(Deno.readTextFileSync(new URL("classes.txt", DATA)), "classes.txt");
  assert.equal(names.length, 10);
  assert.deepEqual(names.slice(8), ["bag", "ankle-boot"]);
  assert.deepEqual(parseClassNames("a\r\n b \r\n\r\n", "c"), ["a", "b"]);
  expectError("input", () => parseClassNames("a\n\nb", "c"), "c: line 2 is empty, expected the name of class 1");
  expectError("input", () => parseClassNames("a\nb\na", "c"), 'c: lines 1 and 3 both name "a"');
  expectError("input", () => parseClassNames("", "c"), "line 1 is empty");
});
