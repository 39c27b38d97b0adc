import assert from "node:assert/strict";
import { z } from "zod";
import { type ArtefactContent, decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import {
  type Calibration,
  CalibrationCodec,
  decodeWeightRanges,
  encodeWeightRanges,
  rangeOf,
} from "../../../lib/format/calibration.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../lib/format/safetensors.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";

const HASH = "0123456789abcdef".repeat(4);

const example: ArtefactContent<Calibration> = {
  inputs: { model: { sha256: HASH } },
  options: { method: "auto", limit: 512 },
  method: "mse",
  choices: {
    "4": {
      activations: "mse",
      activationErrors: { "min-max": 0.25, mse: 0.125 },
      weights: "l4",
      weightErrors: { "max-abs": 0.5, mse: 0.25, l4: 0.125 },
    },
  },
  samples: 512,
  data: { sha256: HASH, first: 0 },
  preprocess: { layout: "NCHW", channels: 1, mean: [0.5], std: [0.25], scale: 255 },
  input: { name: "image", shape: [1, 28, 28] },
  model: { name: "net" },
  tensors: [
    {
      name: "image",
      shape: [1, 28, 28],
      count: 512 * 784,
      min: -2,
      max: 2,
      ranges: { "min-max": { any: { min: -2, max: 2 } }, mse: { 4: { min: -1.5, max: 1 }, 8: { min: -2, max: 1.75 } } },
      symmetricRanges: { "min-max": { any: { min: -2, max: 2 } }, mse: { any: { min: -1.75, max: 1.75 } } },
    },
    { name: "relu", ranges: { "min-max": { any: { min: 0, max: 6 } }, mse: { 8: { min: 0, max: 5 } } } },
  ],
  weights: [{ name: "conv1", tensor: "conv1.weight", channels: 8, min: -0.5, max: 0.75 }],
  tensorsFile: { sha256: HASH },
};

Deno.test("a calibration survives writing and reading", () => {
  const text = encodeArtefact(CalibrationCodec, example);
  const { format, version, dyad: _, integrity: __, ...content } = decodeArtefact(CalibrationCodec, text, "a.json");
  assert.deepEqual([format, version], ["dyad/calibration", 1]);
  assert.deepEqual(content, example);
  assert.ok(text.includes('"8": {"min":-2,"max":1.75}'), "a range is one line");
});

Deno.test("a calibration written by hand needs names and ranges", () => {
  const text = `{ "format": "dyad/calibration", "version": 1, "method": "min-max", "samples": 1,
    "input": { "name": "x", "shape": [3] },
    "tensors": [{ "name": "conv1", "ranges": { "min-max": { "any": { "min": 0, "max": 6 } } } }] }`;
  const calibration = decodeArtefact(CalibrationCodec, text, "hand.json");
  assert.deepEqual(rangeOf(calibration, "conv1", "min-max", 8), { min: 0, max: 6 });
  assert.deepEqual(calibration.weights, []);
});

Deno.test("wrong fields are refused with their path", () => {
  const wrong: [string, unknown, RegExp][] = [
    [
      "range without 0",
      [{ name: "a", ranges: { m: { 8: { min: 1, max: 2 } } } }],
      /tensors\S*0\S*min: expected a range/,
    ],
    ["width", [{ name: "a", ranges: { m: { 17: { min: 0, max: 2 } } } }], /m\.17: expected a bit width from 1 to 16/],
    ["extra field", [{ name: "a", ranges: {}, scale: 1 }], /scale/],
    ["name twice", [{ name: "a", ranges: {} }, { name: "a", ranges: {} }], /"a" is listed twice/],
  ];
  for (const [what, tensors, message] of wrong) {
    const text = JSON.stringify({
      ...example,
      format: "dyad/calibration",
      version: 1,
      tensors,
    });
    assert.throws(() => decodeArtefact(CalibrationCodec, text, "a.json"), { kind: "input", message }, what);
  }
});

Deno.test("the schema can be exported", () => {
  const schema = z.toJSONSchema(CalibrationCodec.schema, { io: "input" });
  assert.ok(schema.properties?.tensors);
});

Deno.test("rangeOf prefers the width, then any, and symmetric ranges where they differ", () => {
  assert.deepEqual(rangeOf(example, "image", "mse", 4), { min: -1.5, max: 1 });
  assert.deepEqual(rangeOf(example, "image", "min-max", 5), { min: -2, max: 2 });
  assert.deepEqual(rangeOf(example, "image", "mse", 4, true), { min: -1.75, max: 1.75 });
  assert.deepEqual(rangeOf(example, "relu", "mse", 8, true), { min: 0, max: 5 });
});

Deno.test("rangeOf names the tensor and what there is", () => {
  const kind = "input";
  assert.throws(() => rangeOf(example, "fc", "mse", 8), { kind, message: /"fc": not among the 2 tensors .*"image"/ });
  assert.throws(() => rangeOf(example, "relu", "kl", 8), {
    kind,
    message: /"relu".*"kl", expected one of min-max, mse/,
  });
  assert.throws(() => rangeOf(example, "relu", "toString", 8), { kind });
  assert.throws(() => rangeOf(example, "relu", "mse", 4), {
    kind,
    message: /"relu".*at 4 bits, expected one of 8 bits/,
  });
});

Deno.test("weight ranges survive a safetensors file", () => {
  const ranges = new Map([["conv1.weight", [{ min: -0.5, max: 0.25 }, { min: 0, max: 0 }]], ["fc/w", []]]);
  const tensors = encodeWeightRanges(ranges);
  tensors.set("histogram/x/bin", tensor("i32", [0], new Int32Array(0)));
  const read = decodeSafetensors(encodeSafetensors(tensors), "x.safetensors").tensors;
  assert.deepEqual(new Map([...decodeWeightRanges(read)].sort()), ranges);
});

Deno.test("weight ranges of another form are refused", () => {
  const decode = (data: Float32Array<ArrayBuffer>, shape: number[]): unknown =>
    decodeWeightRanges(new Map([["weights/a", tensor("f32", shape, data)]]));
  assert.throws(
    () => decode(Float32Array.of(1, 2), [2]),
    /"weights\/a": found f32 \[2\], expected f32 \[channels, 2\]/,
  );
  assert.throws(() => decode(Float32Array.of(2, 1), [1, 2]), /channel 0: found the range 2 to 1/);
  assert.throws(() => decode(Float32Array.of(0, NaN), [1, 2]), /channel 0/);
});
