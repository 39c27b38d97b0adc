/**
 * One step of an LSTM, batch 1, one thread, against onnxruntime-node in float32 (installed on the first run), in turn:
 *
 *     deno run -A tests/bench/lstm_step.ts [--hidden 1024] [--steps 1]
 *
 * Both multiply all of W [4 hidden, hidden] with x and all of R with h, and compute gates and states; ours has 8-bit weights
 * and activations. With several steps a call has one matrix product for all x. The bar is the ratio at hidden 1024.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { activationTable } from "../../lib/arith/activation_table.ts";
import type { ConvolutionProblem, LstmProblem } from "../../lib/arith/problem.ts";
import { LOADERS } from "../../lib/runtime/backend.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { barCell, conclude, printTable } from "../evidence/bars.ts";
import { floats, info, int, model, node } from "../lib/onnx/sample_model.ts";
import { benchBackends } from "./contestants.ts";
import { interleave, localContestant } from "./interleave.ts";
import { Peer } from "./peer.ts";

const { values: flags } = parseArgs({
  options: { hidden: { type: "string", default: "1024" }, steps: { type: "string", default: "1" } },
});
const [hidden, steps] = [Number(flags.hidden), Number(flags.steps)];
const rows = 4 * hidden;
const random = seededRandom(1);
const BAR = 2.5;
const SAMPLING = { samples: [61, 15], budgetMs: 20000, sampleMs: 20, warmUpMs: 300 } as const;

function integers(length: number, low: number, high: number): number[] {
  return Array.from({ length }, () => random.integer(low, high));
}

function problems(): [ConvolutionProblem, LstmProblem] {
  const weights = (): Int8Array => Int8Array.from(integers(rows * hidden, -127, 127));
  const window = { ...POINT_WINDOW, inputHeight: steps, outputHeight: steps };
  return [
    {
      kind: "convolution",
      window,
      inputChannels: hidden,
      outputChannels: rows,
      groups: 1,
      inputZeroPoint: 128,
      inputHigh: 255,
      weights: weights(),
      bias: new Int32Array(rows),
    },
    {
      kind: "lstm",
      steps,
      batch: 1,
      hidden,
      isReverse: false,
      weights: weights(),
      bias: new Int32Array(rows),
      inputMultipliers: new Int32Array(rows).fill(2 ** 30),
      recurrentMultipliers: new Int32Array(rows).fill(2 ** 30),
      shift: 36,
      gateTable: activationTable((x) => 1 / (1 + Math.exp(-x))),
      cellTable: activationTable(Math.tanh),
      cellBits: 12,
      output: { dtype: "u8", zeroPoint: 128, low: 0, high: 255, multiplier: 2 ** 30, shift: 53 },
      carriesState: true,
    },
  ];
}

/** All steps as one call. */
function integerStep(backend: "native" | "wasm", both: readonly [ConvolutionProblem, LstmProblem]): () => void {
  let end = 0;
  const place = (bytes: number): number => {
    const address = end;
    end += Math.ceil((bytes + 64) / 64) * 64;
    return address;
  };
  const [x, gates, h, c, y] = [steps * hidden, 4 * steps * rows, hidden, 2 * hidden, steps * hidden].map(place);
  const { entries, program } = LOADERS[backend](both, end);
  if (program === undefined) throw new Error(`${backend} has no kernels`);
  new Uint8Array(program.memory.buffer).set(integers(steps * hidden, 0, 255), program.arena + x);
  const calls = [{ output: gates, inputs: [x] }, { output: y, inputs: [gates, h, c] }];
  const [run] = program.link([calls.map(({ output, inputs }, i) => ({
    entry: entries[i]!, // every kind has a kernel
    output: program.arena + output,
    inputs: inputs.map((input) => program.arena + input),
  }))]);
  return run;
}

/** x [steps, 1, hidden] -> y, an LSTM of random weights. */
function floatModel(): Uint8Array {
  const normals = (length: number): number[] => Array.from({ length }, () => random.normal() / Math.sqrt(hidden));
  return model({
    input: [info("x", [steps, 1, hidden])],
    output: [info("y", [steps, 1, 1, hidden])],
    initializer: [
      floats("w", [1, rows, hidden], normals(rows * hidden)),
      floats("r", [1, rows, hidden], normals(rows * hidden)),
    ],
    node: [node("LSTM", "x w r", "y", [int("hidden_size", hidden)])],
  });
}

const both = problems();
const local = benchBackends().map((backend) => localContestant(backend, integerStep(backend, both)));
const peer = await Peer.start("node");
if (typeof peer === "string") {
  console.error(`no onnxruntime-node: ${peer}`);
  Deno.exit(1);
}
await using onnxruntime = peer;
const path = Deno.makeTempFileSync({ suffix: ".onnx" });
Deno.writeFileSync(path, floatModel());
const loaded = await onnxruntime.load(path, [steps, 1, hidden]);
Deno.removeSync(path);
const PEER = "onnxruntime-node float32";
const times = await interleave([...local, { name: PEER, run: loaded.run }], SAMPLING);
const reference = times.get(PEER)!.median;
const held: boolean[] = [];
printTable(`LSTM of hidden size ${hidden}, ${steps} steps a call, batch 1`, {
  columns: [
    { title: "" },
    numeric("µs a step"),
    numeric("10 % .. 90 %"),
    numeric("times as fast"),
    { title: `at least ${BAR}` },
  ],
  rows: [...times].map(([name, { median, low, high }]) => {
    const ratio = reference / median;
    const microseconds = (ms: number): string => (1000 * ms / steps).toFixed(1);
    const isBar = name === "native" && hidden === 1024 && steps === 1;
    if (isBar) held.push(ratio >= BAR);
    const range = `${microseconds(low)} .. ${microseconds(high)}`;
    return [name, microseconds(median), range, ratio.toFixed(2), isBar ? barCell(ratio >= BAR) : ""];
  }),
});
conclude(held);
