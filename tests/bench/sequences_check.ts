/**
 * Recurrent networks in float against onnxruntime-node, which is installed on the first run:
 *
 *     deno run --allow-read --allow-run tests/bench/sequences_check.ts
 *
 * lstm.onnx on test images, lstm_lm.onnx on test tokens with its states, and LSTM, GRU and RNN of random weights with every
 * option that both have. For each the largest difference of an element, relative to the largest magnitude of its output.
 * Exits 1 where that is above 1e-4.
 */
import { Buffer } from "node:buffer";
import { numeric } from "../../cli/report.ts";
import { evaluateGraph } from "../../lib/float/evaluate.ts";
import { sampleAsFloat } from "../../lib/format/dataset.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { importModel } from "../../lib/onnx/import.ts";
import type { AttributeProto } from "../../lib/onnx/messages.ts";
import type { Plain } from "../../lib/onnx/schema.ts";
import { canonicalize } from "../../lib/passes/mod.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { type Shape, sizeOf } from "../../lib/tensor/shape.ts";
import { type Tensor, tensor } from "../../lib/tensor/tensor.ts";
import { barCell, conclude, printTable } from "../evidence/bars.ts";
import { testImages } from "../evidence/fashion_networks.ts";
import { contextOf, modelInputs, testTokens, zeroState } from "../evidence/sequence_networks.ts";
import { floats, info, int, model, node, text } from "../lib/onnx/sample_model.ts";
import type { Request, RequestInput } from "./onnxruntime/outputs.ts";

const IMAGES = 16;
const TOKENS = 64;
const BAR = 1e-4;

const HERE = new URL("./", import.meta.url);
const PEER = new URL("onnxruntime/outputs.ts", HERE);
const PERMISSIONS = ["-R", "-E", "-S", "--allow-ffi"];
/** TensorProto.DataType. */
const INT32 = 6;
const TYPES = { f32: "float32", i64: "int64", i32: "int32" } as const;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

const STEPS = 6;
const BATCH = 2;
const FEATURES = 5;
const HIDDEN = 7;

/** A recurrent node of random weights over two sequences of 6 and 4 steps, with initial states. */
function randomCase(op: "LSTM" | "GRU" | "RNN", direction: string, more: readonly Plain<AttributeProto>[] = []): Case {
  const random = seededRandom(op.length + direction.length + more.length);
  const normal = (size: number): number[] => Array.from({ length: size }, () => 0.7 * random.normal());
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op];
  const directions = direction === "bidirectional" ? 2 : 1;
  const state = [directions, BATCH, HIDDEN];
  const states = op === "LSTM" ? ["h0", "c0"] : ["h0"];
  const constants: Record<string, Shape> = {
    w: [directions, gates * HIDDEN, FEATURES],
    r: [directions, gates * HIDDEN, HIDDEN],
    b: [directions, 2 * gates * HIDDEN],
    ...op === "LSTM" && { p: [directions, 3 * HIDDEN] },
  };
  const names = ["y", "hn", "cn"].slice(0, 1 + states.length);
  const shapes: Record<string, Shape> = {
    x: [STEPS, BATCH, FEATURES],
    ...Object.fromEntries(states.map((name) => [name, state])),
  };
  const bytes = model({
    input: Object.entries(shapes).map(([name, shape]) => info(name, shape)),
    output: names.map((name) => info(name, name === "y" ? [STEPS, directions, BATCH, HIDDEN] : state)),
    initializer: [
      ...Object.entries(constants).map(([name, shape]) => floats(name, shape, normal(sizeOf(shape)))),
      { name: "lengths", dims: [BATCH], dataType: INT32, int32Data: [STEPS, STEPS - 2] },
    ],
    node: [
      node(op, `x w r b lengths ${states.join(" ")} ${op === "LSTM" ? "p" : ""}`, names.join(" "), [
        int("hidden_size", HIDDEN),
        text("direction", direction),
        ...more,
      ]),
    ],
  });
  const inputs = new Map(
    Object.entries(shapes).map((
      [name, shape],
    ) => [name, tensor("f32", shape, Float32Array.from(normal(sizeOf(shape))))]),
  );
  const options = more.map(({ name }) => name);
  return { name: [op, direction, ...options].join(" "), bytes, inputs };
}

function trainedCases(): Case[] {
  const read = (name: string): Uint8Array => Deno.readFileSync(new URL(`../../testdata/models/${name}.onnx`, HERE));
  const images = testImages(IMAGES);
  const lstm = read("lstm");
  return [
    ...Array.from({ length: IMAGES }, (_, i) => ({
      name: "lstm.onnx",
      bytes: lstm,
      inputs: new Map([["input", tensor("f32", [1, 28, 28], sampleAsFloat(images, i))]]),
    })),
    {
      name: "lstm_lm.onnx",
      bytes: read("lstm_lm"),
      inputs: modelInputs(contextOf(testTokens(TOKENS)), zeroState(), zeroState()),
    },
  ];
}

function graphOf({ name, bytes, inputs }: Case): Graph {
  const inputShapes = Object.fromEntries([...inputs].map(([input, { shape }]) => [input, shape]));
  return canonicalize(importModel(bytes, { where: name, inputShapes }).graph);
}

/** The elements of every output by onnxruntime-node. */
async function peerOutputs({ bytes, inputs }: Case): Promise<Record<string, number[]>> {
  const given = [...inputs].map(([name, { dtype, shape, data }]): [string, RequestInput] => [
    name,
    {
      type: TYPES[dtype as keyof typeof TYPES],
      dims: shape,
      data: Array.from(data as ArrayLike<number | bigint>, Number),
    },
  ]);
  const request: Request = { model: Buffer.from(bytes).toString("base64"), inputs: Object.fromEntries(given) };
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...PERMISSIONS, PEER.href],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  const [output] = await Promise.all([
    process.output(),
    writer.write(new TextEncoder().encode(JSON.stringify(request))).then(() => writer.close()),
  ]);
  if (!output.success) throw new Error(`${PEER.pathname} exited with ${output.code}`);
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** Largest |a - b| over largest |b|. */
function relativeDifference(a: ArrayLike<number>, b: readonly number[]): number {
  if (a.length !== b.length) throw new Error(`${a.length} elements against ${b.length}`);
  const magnitude = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i])), 0) / magnitude;
}

const cases = [
  ...trainedCases(),
  randomCase("LSTM", "bidirectional"),
  randomCase("LSTM", "reverse", [int("input_forget", 1)]),
  randomCase("GRU", "bidirectional"),
  randomCase("GRU", "reverse", [int("linear_before_reset", 1)]),
  randomCase("RNN", "bidirectional"),
  randomCase("RNN", "forward", [{ name: "activations", type: 8, strings: [new TextEncoder().encode("Relu")] }]),
];
const worst = new Map<string, number>();
for (const one of cases) {
  const theirs = await peerOutputs(one);
  for (const [name, { data }] of evaluateGraph(graphOf(one), one.inputs)) {
    const difference = relativeDifference(data as Float32Array, theirs[name]); // all outputs are float32
    worst.set(one.name, Math.max(worst.get(one.name) ?? 0, difference));
  }
}
const held = [...worst.values()].map((difference) => difference <= BAR);
printTable("Recurrent networks against onnxruntime-node", {
  columns: [{ title: "network" }, numeric("relative difference"), numeric("bar"), { title: "" }],
  rows: [...worst].map(([name, difference], i) => [
    name,
    difference.toExponential(2),
    BAR.toExponential(0),
    barCell(held[i]),
  ]),
});
conclude(held);
