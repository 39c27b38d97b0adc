import assert from "node:assert/strict";
import { CODECS } from "../../lib/format/codecs.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { model, ramp, smallNetwork } from "../lib/onnx/sample_model.ts";
import { badArtefact, badInput } from "./bad_input.ts";

badArtefact("artefacts of another model", async (pipeline) => {
  const graph = smallNetwork();
  const initializer = graph.initializer!.map((old) => old.name === "w" ? ramp("w", [2, 1, 3, 3]) : old);
  pipeline.write("other.onnx", model({ ...graph, initializer, name: "other" }));
  const data = "--data @images.npy -o @new.json";
  await pipeline.refuses(
    `quantize @other.onnx --calibration @m.calibration.json --bits 8 -o @new.json`,
    /other\.onnx and m\.calibration\.json are of different models/,
  );
  await pipeline.refuses(
    `sensitivity @other.onnx --calibration @m.calibration.json ${data}`,
    /other\.onnx and m\.calibration\.json are of different models/,
  );
  await pipeline.run(`calibrate @other.onnx --method mse --data @images.npy -o @other.calibration.json`);
  await pipeline.refuses(
    `quantize @other.onnx --calibration @other.calibration.json --plan @m.plan.json -o @new.json`,
    /other\.onnx and m\.plan\.json are of different models/,
  );
  // A calibration by hand tells its model by nothing but the names of its tensors.
  pipeline.edit("m.calibration.json", /"name": ?"([rpf])"/g, '"name":"other.$1"', "renamed.json");
  pipeline.edit("renamed.json", /,\s*"integrity": ?"[0-9a-f]*"/, "", "renamed.json");
  for (
    const line of [
      "quantize @model.onnx --calibration @renamed.json --bits 8 -o @new.json",
      "sensitivity @model.onnx --calibration @renamed.json --data @images.npy -o @new.json",
    ]
  ) {
    await pipeline.refuses(line, /renamed\.json: tensor "[rf]": not among .*calibrate the model that is used now/);
  }
});

badArtefact("plans that do not name the model's layers", async (pipeline) => {
  const plan = (...layers: unknown[]): string => JSON.stringify({ format: "dyad/plan", version: 1, layers });
  const conv = { name: "Conv_0", bits: 8 };
  const gemm = { name: "Gemm_5", bits: 8 };
  const cases: [string, RegExp, RegExp?][] = [
    [
      plan(conv, gemm, { name: "Conv_9", bits: 8 }),
      /"Conv_9", which model\.onnx does not have/,
      /did you mean "Conv_0"/,
    ],
    [plan(conv), /no bits to the layer "Gemm_5" of model\.onnx/, /add it to the plan/],
    [plan(conv, conv, gemm), /layers\[1\]\.name: "Conv_0" is listed twice/],
    [plan(conv, { name: "Gemm_5", bits: "16/8" }), /"Gemm_5" 16\/8 bits, expected 2 to 8/],
    [plan(conv, { name: "Gemm_5", bits: "four" }), /layers\[1\].*four/],
    [plan(conv, { name: "Gemm_5" }), /layers\[1\].*"bits"/],
    [plan(), /layers: /],
  ];
  for (const [text, ...patterns] of cases) {
    pipeline.write("hand.json", text);
    await pipeline.refuses(
      "quantize @model.onnx --calibration @m.calibration.json --plan @hand.json -o @new.json",
      /^hand\.json: /,
      ...patterns.filter((pattern) => pattern !== undefined),
    );
  }
});

/** By artefact: a command line that reads it as @edited.<file>. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  "m.calibration.json": [
    "quantize @model.onnx --calibration @edited.m.calibration.json --bits 8 -o @new.json",
    "sensitivity @model.onnx --calibration @edited.m.calibration.json --data @images.npy -o @new.json",
    "verify @m.dyad.json --model @model.onnx --calibration @edited.m.calibration.json --data @images.npy -o @new.json",
  ],
  "m.sensitivity.json": ["plan @edited.m.sensitivity.json -o @new.json"],
  "m.latency.json": ["plan @m.sensitivity.json --latency @edited.m.latency.json -o @new.json"],
  "m.plan.json": [
    "quantize @model.onnx --calibration @m.calibration.json --plan @edited.m.plan.json -o @new.json",
    "verify @m.dyad.json --model @model.onnx --plan @edited.m.plan.json --data @images.npy -o @new.json",
  ],
  "m.part.json": ["merge @edited.m.part.json -o @new.json"],
  "m.dyad.json": [
    "run @edited.m.dyad.json --tensors @m.dyad.safetensors --data @images.npy -o @new.npy",
    "verify @edited.m.dyad.json --tensors @m.dyad.safetensors --model @model.onnx --data @images.npy -o @new.json",
  ],
};

badArtefact("artefacts of a newer version, of another kind, cut off", async (pipeline) => {
  for (const [file, lines] of Object.entries(READERS)) {
    const edited = `edited.${file}`;
    for (const line of lines) {
      pipeline.edit(file, '"version": 1', '"version": 2', edited);
      await pipeline.refuses(line, new RegExp(`^${edited}: .* version 2, this dyad .* reads up to version 1; `));
      pipeline.edit(file, /"format": "dyad\/\w+"/, '"format": "dyad/other"', edited);
      await pipeline.refuses(line, new RegExp(`^${edited}: found format "dyad/other", expected a dyad/\\w+ artefact`));
      const whole = pipeline.read(file);
      pipeline.write(edited, whole.slice(0, whole.length / 2));
      await pipeline.refuses(line, new RegExp(`^${edited}: not JSON: .*expected a dyad artefact`));
      pipeline.write(edited, Uint8Array.of(0xff, 0xfe, 0x00));
      const binary = line.startsWith("run ") ? "not an ONNX model" : "is not UTF-8 text"; // run takes either
      await pipeline.refuses(line, new RegExp(`^${edited}: .*${binary}`));
    }
  }
});

badArtefact("another artefact where a network is expected", async (pipeline) => {
  const expected = /^m\.plan\.json: found format "dyad\/plan", expected a dyad\/network artefact/;
  await pipeline.refuses("run @m.plan.json --data @images.npy -o @new.npy", expected);
  await pipeline.refuses("verify @m.plan.json --model @model.onnx --data @images.npy -o @new.json", expected);
});

badArtefact("edited artefacts", async (pipeline) => {
  const edits: Record<string, [RegExp, string]> = {
    "m.calibration.json": [/"samples": ?6/, '"samples": 7'],
    "m.sensitivity.json": [/"samples": ?6/, '"samples": 7'],
    "m.plan.json": [/"weightBits": ?[48]/, '"weightBits":5'],
    "m.part.json": [/"samples": ?6/, '"samples":7'],
    "m.dyad.json": [/"zeroPoint": ?0/, '"zeroPoint":1'],
  };
  for (const file of Object.keys(edits)) {
    const edited = pipeline.edit(file, ...edits[file]);
    for (const line of READERS[file]) {
      await pipeline.refuses(
        line,
        new RegExp(`^${edited}: was edited after dyad wrote it`),
        /delete the "integrity" line/,
      );
    }
  }
  const intended = pipeline.edit("m.plan.json", ...edits["m.plan.json"], "intended.json");
  pipeline.edit(intended, /,\s*"integrity": ?"[0-9a-f]*"/, "", intended);
  await pipeline.run("quantize @model.onnx --calibration @m.calibration.json --plan @intended.json -o @new.json");
});

badArtefact("constants that are not the network's own", async (pipeline) => {
  const constants = Deno.readFileSync(pipeline.path("m.dyad.safetensors"));
  const lines = [
    "run @m.dyad.json --tensors @edited.safetensors --data @images.npy -o @new.npy",
    "verify @m.dyad.json --tensors @edited.safetensors --model @model.onnx --data @images.npy -o @new.json",
  ];
  const damaged = [
    constants.with(constants.length - 1, constants.at(-1)! ^ 1),
    constants.subarray(0, 100),
    new Uint8Array(0),
  ];
  for (const line of lines) {
    for (const bytes of damaged) {
      pipeline.write("edited.safetensors", bytes);
      await pipeline.refuses(line, /^edited\.safetensors: hashes to .*, m\.dyad\.json expects /, /run quantize again/);
    }
    await pipeline.refuses(line.replace("edited", "gone"), /^gone\.safetensors: there is no such file/);
  }
});

badArtefact("safetensors headers that point outside the file", async (pipeline) => {
  const constants = Deno.readFileSync(pipeline.path("m.dyad.safetensors"));
  const headerLength = new DataView(constants.buffer, constants.byteOffset).getUint32(0, true);
  const header = new TextDecoder().decode(constants.subarray(8, 8 + headerLength));
  const withHeader = (text: string): Uint8Array => {
    const bytes = new TextEncoder().encode(text.trimEnd().padEnd(Math.ceil(text.length / 8) * 8));
    const result = new Uint8Array(8 + bytes.length + constants.length - 8 - headerLength);
    new DataView(result.buffer).setUint32(0, bytes.length, true);
    result.set(bytes, 8);
    result.set(constants.subarray(8 + headerLength), 8 + bytes.length);
    return result;
  };
  const longHeader = constants.slice();
  new DataView(longHeader.buffer).setUint32(0, constants.length, true);
  const beyond = header.replace(
    /"data_offsets":\[(\d+),(\d+)\]/,
    (_, begin, end) => `"data_offsets":[${Number(begin) + 1e6},${Number(end) + 1e6}]`,
  );
  const cases: [Uint8Array, RegExp][] = [
    [withHeader(beyond), /tensor ".*": the data end beyond the file/],
    [longHeader, /the header ends beyond the file/],
    [withHeader(header.replace(/"shape":\[(\d+)/, '"shape":[9$1')), /do not take as many bytes/],
    [withHeader("{}"), /bytes belong to no tensor/],
  ];
  for (const [bytes, pattern] of cases) {
    pipeline.write("outside.safetensors", bytes);
    pipeline.edit("m.dyad.json", /("constants": \{"sha256":")[0-9a-f]+/, `$1${sha256(bytes)}`, "outside.json");
    pipeline.edit("outside.json", /,\s*"integrity": ?"[0-9a-f]*"/, "", "outside.json");
    await pipeline.refuses("run @outside.json --data @images.npy -o @new.npy", /^outside\.safetensors: /, pattern);
    await pipeline.refuses(
      "verify @outside.json --model @model.onnx --data @images.npy -o @new.json",
      /^outside\.safetensors: /,
      pattern,
    );
  }
});

badArtefact("limits that no plan can meet", async (pipeline) => {
  const limits: [string, RegExp][] = [
    ["--max-size 10B", /no plan fits size 10B: the smallest that fits is 21B \(50% of all-8-bit\)/],
    ["--max-size 49%", /no plan fits size 49% .*: the smallest that fits is 21B/],
    ["--max-bops 1k", /no plan fits bops 1k.*: the smallest that fits is /],
    ["--max-weight-bits 3.5", /no plan fits weight-bits 3\.5.*: the smallest that fits is 4\b/],
    ["--latency @m.latency.json --max-latency 2ms", /no plan fits latency 2ms: the smallest that fits is 2\.25 ?ms/],
    ["--latency @m.latency.json --max-latency 2ms --max-size 1B", /size 1B: .*\n.*latency 2ms: /],
    ["--random 1 --max-size 10B", /the smallest that fits is 21B/],
    ["--pareto size --max-bops 1k", /the smallest that fits is /],
  ];
  for (const [flags, pattern] of limits) {
    const line = `plan @m.sensitivity.json ${flags} -o @new.json`;
    const message = await pipeline.refusal(line, "infeasible");
    assert.match(message, /^m\.sensitivity\.json: no plan fits /, line);
    assert.match(message, pattern, line);
  }
  await pipeline.run("plan @m.sensitivity.json --max-size 21B -o @new.json");
});

badInput("calibrations by hand that no network can be made from", async (pipeline) => {
  const calibration = (maxima: Record<string, number>, method = "min-max"): string =>
    JSON.stringify({
      format: "dyad/calibration",
      version: 1,
      method,
      samples: 1,
      input: { name: "x", shape: [1, 1, 4, 4] },
      model: { name: "sample" },
      tensors: Object.entries(maxima).map(([name, max]) => ({ name, ranges: { "min-max": { any: { min: 0, max } } } })),
      weights: [],
    });
  const quantize = "quantize @model.onnx --calibration @hand.json --bits 8 -o @new.json";
  const names = ["x", "r", "p", "f", "y"];
  const all = (max: number): Record<string, number> => Object.fromEntries(names.map((name) => [name, max]));
  pipeline.write("hand.json", calibration(all(1)));
  await pipeline.run(quantize.replace("new", "good"));
  const cases: [string, RegExp][] = [
    [calibration({ x: 1 }), /^model\.onnx with hand\.json: tensor "r": not among the 1 tensors/],
    [calibration(all(1e-30)), /^model\.onnx with hand\.json: .*Conv_0/],
    [calibration({ ...all(1), r: 1e30 }), /^model\.onnx with hand\.json: .*Conv_0/],
    [calibration(all(-1)), /^hand\.json: [^]*expected a range that holds 0/],
    [calibration(all(1), "guess"), /hand\.json: tensor "x": found no range of the method "guess", .* min-max/],
  ];
  for (const [text, pattern] of cases) {
    pipeline.write("hand.json", text);
    await pipeline.refuses(quantize, pattern);
  }
});

Deno.test("every kind of artefact that a command reads is under these tests", () => {
  const onlyWritten = ["dyad/frontier", "dyad/comparison", "dyad/additivity", "dyad/verification"];
  const read = CODECS.map(({ format }) => format).filter((format) => !onlyWritten.includes(format));
  assert.equal(Object.keys(READERS).length, read.length);
});
