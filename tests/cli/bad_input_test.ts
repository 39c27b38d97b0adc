import assert from "node:assert/strict";
import { COMMANDS } from "../../cli/commands/mod.ts";
import { invoke } from "../../cli/program.ts";
import { openTerminal } from "../../cli/terminal.ts";
import { CODECS } from "../../lib/format/codecs.ts";
import { DyadError, type ErrorKind } from "../../lib/format/error.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { encodeNpy } from "../../lib/format/npy.ts";
import type { GraphProto, TensorProto } from "../../lib/onnx/messages.ts";
import type { Plain } from "../../lib/onnx/schema.ts";
import { tensor } from "../../lib/tensor/tensor.ts";
import { pngBytes } from "../lib/format/png_bytes.ts";
import { floats, info, int, ints, model, node, ramp, smallNetwork, text } from "../lib/onnx/sample_model.ts";
import { inNewFolder } from "./dyad.ts";
import { writeSampleFiles } from "./sample_files.ts";

/** A folder with every file of a small pipeline, and what a test puts there. */
class Pipeline {
  readonly #terminal = openTerminal({ json: false, quiet: true, colour: false });

  constructor(readonly folder: string) {}

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  write(name: string, content: string | Uint8Array): void {
    Deno.writeFileSync(this.path(name), typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** The file with a part of its text replaced. */
  edit(name: string, from: string | RegExp, to: string, target = `edited.${name}`): string {
    const before = this.read(name);
    const after = before.replace(from, to);
    assert.notEqual(after, before, `${name} has no ${from}`);
    this.write(target, after);
    return target;
  }

  /** Runs a command line in which `@name` is a file of the folder. */
  async run(line: string): Promise<void> {
    const [name, ...words] = line.split(" ");
    const command = COMMANDS.find((known) => known.name === name)!;
    const argv = words.map((word) => word.startsWith("@") ? this.path(word.slice(1)) : word);
    await invoke(command, argv, this.#terminal);
  }

  /** The message with which a command line is refused; no file may have come, gone or changed. */
  async refusal(line: string, kind: ErrorKind = "input"): Promise<string> {
    const before = this.#files();
    let message: string | undefined;
    await assert.rejects(this.run(line), (error) => {
      assert.ok(error instanceof DyadError, `${line}: ${error instanceof Error ? error.stack : error}`);
      assert.equal(error.kind, kind, `${line}: ${error.message}`);
      message = error.message.replaceAll(`${this.folder}/`, "");
      return true;
    }, line);
    assert.deepEqual(this.#files(), before, `${line}: files changed`);
    return message!;
  }

  async refuses(line: string, ...patterns: readonly RegExp[]): Promise<void> {
    const message = await this.refusal(line);
    for (const pattern of patterns) assert.match(message, pattern, line);
  }

  #files(): Record<string, string> {
    return Object.fromEntries(
      Array.from(Deno.readDirSync(this.folder), ({ name, isFile }): [string, string] => [
        name,
        isFile ? sha256(Deno.readFileSync(this.path(name))) : "a folder",
      ]).sort(([a], [b]) => a < b ? -1 : 1),
    );
  }
}

const CALIBRATE = "--data @images.npy --mean 0.5 --std 0.25 -o @new.json";

/** A test in a folder with the files of `writeSampleFiles`. */
function badInput(title: string, work: (pipeline: Pipeline, t: Deno.TestContext) => Promise<void>): void {
  Deno.test(`bad input: ${title}`, (t) =>
    inNewFolder(async (folder) => {
      writeSampleFiles(folder);
      await work(new Pipeline(folder), t);
    }));
}

/** The same with an artefact of every step: m.calibration.json, m.sensitivity.json, m.plan.json, m.dyad.json. */
function badArtefact(title: string, work: (pipeline: Pipeline, t: Deno.TestContext) => Promise<void>): void {
  badInput(title, async (pipeline, t) => {
    const data = "--data @images.npy";
    await pipeline.run(`calibrate @model.onnx ${data} --mean 0.5 --std 0.25 --method mse -o @m.calibration.json`);
    await pipeline.run(
      `sensitivity @model.onnx --calibration @m.calibration.json ${data} --candidates 8/8,4/4 --free-ends ` +
        `-o @m.sensitivity.json`,
    );
    await pipeline.run(`plan @m.sensitivity.json --max-size 80% -o @m.plan.json`);
    await pipeline.run(
      `quantize @model.onnx --calibration @m.calibration.json --plan @m.plan.json -o @m.dyad.json`,
    );
    await work(pipeline, t);
  });
}

badInput("truncated models", async (pipeline) => {
  const bytes = Deno.readFileSync(pipeline.path("model.onnx"));
  for (let length = 0; length < bytes.length; length += 23) {
    pipeline.write("cut.onnx", bytes.subarray(0, length));
    await pipeline.refuses(`calibrate @cut.onnx ${CALIBRATE}`, /^cut\.onnx: /);
  }
});

badInput("files that are not ONNX", async (pipeline) => {
  const contents: Record<string, Uint8Array | string> = {
    "empty.onnx": "",
    "text.onnx": "import torch\n",
    "json.onnx": "{}",
    "zeros.onnx": new Uint8Array(100),
    "numpy.onnx": Deno.readFileSync(pipeline.path("images.npy")),
    "zip.onnx": Uint8Array.of(0x50, 0x4b, 3, 4, ...new Uint8Array(40)),
  };
  for (const [name, content] of Object.entries(contents)) {
    pipeline.write(name, content);
    await pipeline.refuses(`calibrate @${name} ${CALIBRATE}`, new RegExp(`^${name.replace(".", "\\.")}: `), /ONNX/);
  }
});

badInput("unknown operators and attributes, all in one message", async (pipeline) => {
  const graph = smallNetwork();
  const nodes = [
    node("Conv", "x w", "c", [ints("pads", [1, 1, 1, 1]), int("winograd", 1)], "stem"),
    node("Mish", "c", "b", [], "act.1"),
    node("Relu", "b", "r", [], "act.2"),
    node("MaxPool", "r", "p", [ints("kernel_shape", [2, 2]), ints("strides", [2, 2]), text("mode", "wrap")], "pool"),
    node("Flatten", "p", "f"),
    node("Mish", "f", "g", [], "act.3"),
    node("Gemm", "g matrix bias", "h", [int("transB", 1)]),
    node("Einsum", "h", "y", [text("equation", "ij->ij")]),
  ];
  pipeline.write("unknown.onnx", model({ ...graph, node: nodes }));
  await pipeline.refuses(
    `calibrate @unknown.onnx ${CALIBRATE}`,
    /^unknown\.onnx: /,
    /operator Mish .*\bact\.1, act\.3\b/,
    /operator Einsum .*\bEinsum_7\b/,
    /node stem \(Conv\): .*winograd/,
    /node pool \(MaxPool\): .*mode/,
    /supported operators: Add, /,
  );
});

badInput("shapes that cannot be inferred", async (pipeline) => {
  const shapes: Record<string, [Plain<GraphProto>, ...RegExp[]]> = {
    "open.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, "height", "width"])] },
      /input x .*height/,
      /--input-shape|x=/,
    ],
    "reshape.onnx": [
      {
        input: [info("x", ["N", 1, 4, 4])],
        output: [info("y", ["N", 4])],
        node: [node("Relu", "x", "s", [], "act"), node("Reshape", "x s", "y", [], "late")],
      },
      /node late \(Reshape\): .*shape/,
    ],
    "window.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, 1, 1])] },
      /node MaxPool_3 \(MaxPool\): .*2x2 window does not fit the 1x1 image/,
    ],
    "columns.onnx": [
      { ...smallNetwork(), input: [info("x", ["N", 1, 6, 6])] },
      /node Gemm_5 \(Gemm\): .*18 columns.* 8/,
    ],
  };
  for (const [name, [graph, ...patterns]] of Object.entries(shapes)) {
    pipeline.write(name, model(graph));
    await pipeline.refuses(`calibrate @${name} ${CALIBRATE}`, new RegExp(`^${name}: `), ...patterns);
  }
});

badInput("weights that are NaN, infinite, or become so", async (pipeline) => {
  const withInitializer = (...replacements: Plain<TensorProto>[]): Uint8Array => {
    const graph = smallNetwork();
    const initializer = graph.initializer!.map((old) => replacements.find(({ name }) => name === old.name) ?? old);
    return model({ ...graph, initializer });
  };
  const matrix = Array.from({ length: 24 }, (_, i) => i / 24);
  const cases: [Uint8Array, ...RegExp[]][] = [
    [withInitializer(floats("matrix", [3, 8], matrix.with(10, NaN))), /"matrix" holds NaN at index \[1,2\]/],
    [withInitializer(floats("matrix", [3, 8], matrix.with(23, -Infinity))), /"matrix" holds -Infinity at .*\[2,7\]/],
    [withInitializer(floats("variance", [2], [1, -2])), /BatchNormalization_1.*channel 1|variance.*-2/],
    [withInitializer(floats("gamma", [2], [3e38, 1])), /tensor "r", sample 0: found .* not finite/],
    [
      withInitializer(floats("gamma", [2], [3e38, 1]), floats("variance", [2], [0, 1])),
      /layer Conv_0: weight 0 is -Infinity once .*; check .* batch normalization/,
    ],
    [
      withInitializer({ name: "bias", dims: [3], dataType: 10, int32Data: [0, 0x7c00, 0] }),
      /"bias" holds Infinity at index \[1\]/,
    ],
  ];
  for (const [bytes, ...patterns] of cases) {
    pipeline.write("weights.onnx", bytes);
    await pipeline.refuses(`calibrate @weights.onnx ${CALIBRATE}`, /^weights\.onnx: /, ...patterns);
    await pipeline.refuses("run @weights.onnx --data @images.npy -o @new.json", /^weights\.onnx: /);
  }
});

const pixels = (...shape: number[]): Uint8Array =>
  encodeNpy(tensor("u8", shape, new Uint8Array(shape.reduce((a, b) => a * b, 1))));
const greyPng = (height: number, width: number): Uint8Array =>
  pngBytes({ height, width, depth: 8, colourType: 0, rows: new Uint8Array(height * (width + 1)) });

badArtefact("images of the wrong size", async (pipeline) => {
  pipeline.write("big.npy", pixels(2, 1, 5, 5));
  pipeline.write("flat.npy", pixels(2, 16));
  pipeline.write("none.npy", pixels(0, 1, 4, 4));
  pipeline.write("int.npy", encodeNpy(tensor("i32", [1, 1, 4, 4], new Int32Array(16))));
  pipeline.write("nan.npy", encodeNpy(tensor("f32", [2, 1, 4, 4], new Float32Array(32).fill(NaN, 20))));
  pipeline.write("cut.npy", Deno.readFileSync(pipeline.path("images.npy")).subarray(0, 150));
  for (const name of ["big", "mixed", "empty", "damaged"]) Deno.mkdirSync(pipeline.path(name));
  pipeline.write("big/a.png", greyPng(5, 5));
  pipeline.write("mixed/a.png", greyPng(4, 4));
  pipeline.write("mixed/b.png", greyPng(4, 3));
  pipeline.write("damaged/a.png", greyPng(4, 4).subarray(0, 50));
  const commands = [
    "calibrate @model.onnx -o @new.json",
    "sensitivity @model.onnx --calibration @m.calibration.json -o @new.json",
    "run @model.onnx -o @new.npy",
    "run @m.dyad.json -o @new.npy",
    "verify @m.dyad.json --model @model.onnx -o @new.json",
  ];
  for (const command of commands) {
    await pipeline.refuses(`${command} --data @big.npy`, /big\.npy: .*5x5.*(1x)?4x4/, /--resize|layout/);
    await pipeline.refuses(`${command} --data @flat.npy`, /flat\.npy: .*2x16.*4x4/);
    await pipeline.refuses(`${command} --data @none.npy`, /none\.npy: .*0x1x4x4.*at least one/);
    await pipeline.refuses(`${command} --data @int.npy`, /int\.npy: .*i32.*u8/);
    await pipeline.refuses(`${command} --data @nan.npy`, /nan\.npy: found NaN in sample 1 at element 4/);
    await pipeline.refuses(`${command} --data @cut.npy`, /cut\.npy: /);
    await pipeline.refuses(`${command} --data @big`, /^big: a\.png: .*5x5.*4x4/, /--resize 4x4/);
    await pipeline.refuses(`${command} --data @mixed`, /^mixed: b\.png: .*4x3.*4x4/, /--resize 4x4/);
    await pipeline.refuses(`${command} --data @empty`, /^empty: .*no .*files/);
    await pipeline.refuses(`${command} --data @damaged`, /^damaged: a\.png: /);
  }
});

badArtefact("labels out of range, or too few", async (pipeline) => {
  pipeline.write("high.npy", encodeNpy(tensor("u8", [6], Uint8Array.of(0, 1, 2, 3, 1, 2))));
  pipeline.write("low.csv", "0\n1\n-1\n0\n1\n2\n");
  pipeline.write("few.csv", "0\n1\n");
  pipeline.write("float.npy", encodeNpy(tensor("f32", [6], new Float32Array(6))));
  pipeline.write("words.csv", "label\ncat\ndog\ncow\ncat\ncat\ncat\n");
  const commands = [
    "sensitivity @model.onnx --calibration @m.calibration.json --data @images.npy -o @new.json",
    "run @model.onnx --data @images.npy -o @new.npy",
    "run @m.dyad.json --data @images.npy -o @new.npy",
    "verify @m.dyad.json --model @model.onnx --data @images.npy -o @new.json",
  ];
  for (const command of commands) {
    await pipeline.refuses(`${command} --labels @high.npy`, /high\.npy: found the label 3 at index 3, expected 0 to 2/);
    await pipeline.refuses(`${command} --labels @low.csv`, /low\.csv: found the label -1 at index 2/);
    await pipeline.refuses(`${command} --labels @few.csv`, /few\.csv: found 2 labels, expected 6/);
    await pipeline.refuses(`${command} --labels @float.npy`, /float\.npy: .*f32.*integer label/);
    await pipeline.refuses(`${command} --classes @few.csv`, /few\.csv: found the names of 2 classes, the model .* 3/);
    await pipeline.refuses(`${command} --labels @words.csv --classes @classes.txt`, /words\.csv: line 4: .*"cow"/);
  }
});

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
  "m.plan.json": [
    "quantize @model.onnx --calibration @m.calibration.json --plan @edited.m.plan.json -o @new.json",
    "verify @m.dyad.json --model @model.onnx --plan @edited.m.plan.json --data @images.npy -o @new.json",
  ],
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
    "m.dyad.json": [/"zeroPoint": ?0/, '"zeroPoint":1'],
  };
  for (const [file, lines] of Object.entries(READERS)) {
    const edited = pipeline.edit(file, ...edits[file]);
    for (const line of lines) {
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
  const layers = [{ name: "Conv_0", candidates: [{ bits: 8, ms: 3 }, { bits: 4, ms: 2 }] }, {
    name: "Gemm_5",
    candidates: [{ bits: 8, ms: 0.5 }, { bits: 4, ms: 0.25 }],
  }];
  pipeline.write("times.json", JSON.stringify({ format: "dyad/latency", version: 1, layers }));
  const limits: [string, RegExp][] = [
    ["--max-size 10B", /no plan fits size 10B: the smallest that fits is 21B \(50% of all-8-bit\)/],
    ["--max-size 49%", /no plan fits size 49% .*: the smallest that fits is 21B/],
    ["--max-bops 1k", /no plan fits bops 1k.*: the smallest that fits is /],
    ["--max-weight-bits 3.5", /no plan fits weight-bits 3\.5.*: the smallest that fits is 4\b/],
    ["--latency @times.json --max-latency 2ms", /no plan fits latency 2ms: the smallest that fits is 2\.25 ?ms/],
    ["--latency @times.json --max-latency 2ms --max-size 1B", /size 1B: .*\n.*latency 2ms: /],
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
  const read = ["calibration", "sensitivity", "latency", "plan", "network"];
  const written = CODECS.map(({ format }) => format.replace("dyad/", ""));
  assert.deepEqual(written.filter((format) => !read.includes(format)), ["frontier", "verification"]);
});
