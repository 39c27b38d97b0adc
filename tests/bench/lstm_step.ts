/**
 * One step of an LSTM, batch 1, one thread, against onnxruntime-node in float32 (installed on the first run), in turn:
 *
 *     deno run -A tests/bench/lstm_step.ts [--hidden 1024] [--steps 1] [--cold]
 *
 * Both multiply all of W [4 hidden, hidden] with x and all of R with h, and compute gates and states; ours has activations
 * of 8 bits, and weights of 8 or binary codes. With several steps a call has one matrix product for all x. With --cold every
 * call reads other weights than those before it, so that they come from memory. The bars are the ratios at hidden 1024.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { activationTable } from "../../lib/arith/activation_table.ts";
import { codedWeights, packPlanes } from "../../lib/arith/binary_codes/weight_codes.ts";
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
  options: {
    hidden: { type: "string", default: "1024" },
    steps: { type: "string", default: "1" },
    cold: { type: "boolean", default: false },
  },
});
const [hidden, steps] = [Number(flags.hidden), Number(flags.steps)];
const rows = 4 * hidden;
const random = seededRandom(1);
/** How many times as fast as float32 the native tier has to be. */
const BARS = new Map([["native int8", 2.5], ["native codes2", 6], ["native codes3", 3]]);
/** More than the last cache of any processor that a user is likely to have for one core. */
const EVICTING_BYTES = 96 * 2 ** 20;
const SAMPLING = { samples: [61, 15], budgetMs: 20000, sampleMs: 20, warmUpMs: 300 } as const;

function integers(length: number, low: number, high: number): number[] {
  return Array.from({ length }, () => random.integer(low, high));
}

/** W or R: int8, or binary codes of so many bits. */
function matrix(bits: number | undefined): Pick<ConvolutionProblem, "weights" | "codes"> {
  if (bits === undefined) return { weights: Int8Array.from(integers(rows * hidden, -127, 127)) };
  const codes = {
    bits,
    groupColumns: hidden,
    planes: packPlanes(Uint8Array.from(integers(rows * hidden, 0, 2 ** bits - 1)), rows, hidden, bits),
    multipliers: Int8Array.from(integers(rows * bits, 1, Math.floor(127 / bits))),
  };
  return { weights: codedWeights(codes, rows, hidden), codes };
}

function problems(bits: number | undefined): [ConvolutionProblem, LstmProblem] {
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
      ...matrix(bits),
      bias: new Int32Array(rows),
    },
    {
      kind: "lstm",
      steps,
      batch: 1,
      hidden,
      isReverse: false,
      ...matrix(bits),
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

/** All steps as one call, of `copies` with weights of their own in turn. */
function integerSteps(
  backend: "native" | "wasm",
  both: readonly [ConvolutionProblem, LstmProblem],
  copies: number,
): () => void {
  let end = 0;
  const place = (bytes: number): number => {
    const address = end;
    end += Math.ceil((bytes + 64) / 64) * 64;
    return address;
  };
  const [x, gates, h, c, y] = [steps * hidden, 4 * steps * rows, hidden, 2 * hidden, steps * hidden].map(place);
  const { entries, program } = LOADERS[backend](Array.from({ length: copies }, () => both).flat(), end, 1);
  if (program === undefined) throw new Error(`${backend} has no kernels`);
  new Uint8Array(program.memory.buffer).set(integers(steps * hidden, 0, 255), program.arena + x);
  const calls = [{ output: gates, inputs: [x] }, { output: y, inputs: [gates, h, c] }];
  const runs = program.link(Array.from({ length: copies }, (_, copy) =>
    calls.map(({ output, inputs }, i) => ({
      entry: entries[calls.length * copy + i]!, // every kind has a kernel
      output: program.arena + output,
      inputs: inputs.map((input) => program.arena + input),
    }))));
  let next = 0;
  return () => {
    runs[next]();
    next = (next + 1) % copies;
  };
}

/** x [steps, 1, hidden] -> y, LSTMs of random weights side by side. */
function floatModel(copies: number): Uint8Array {
  const normals = (length: number): number[] => Array.from({ length }, () => random.normal() / Math.sqrt(hidden));
  const each = <T>(make: (copy: number) => T[]): T[] => Array.from({ length: copies }, (_, copy) => make(copy)).flat();
  return model({
    input: [info("x", [steps, 1, hidden])],
    output: [info("y", [steps, 1, 1, copies * hidden])],
    initializer: each((copy) => [
      floats(`w${copy}`, [1, rows, hidden], normals(rows * hidden)),
      floats(`r${copy}`, [1, rows, hidden], normals(rows * hidden)),
    ]),
    node: [
      ...each((copy) => [node("LSTM", `x w${copy} r${copy}`, `y${copy}`, [int("hidden_size", hidden)])]),
      node("Concat", each((copy) => [`y${copy}`]).join(" "), "y", [int("axis", 3)]),
    ],
  });
}

function copiesOf(bytes: number): number {
  return flags.cold ? Math.ceil(EVICTING_BYTES / bytes) : 1;
}

const FORMS = [undefined, 4, 3, 2].map((bits) => ({
  name: bits === undefined ? "int8" : `codes${bits}`,
  both: problems(bits),
  bytes: 2 * rows * hidden * (bits ?? 8) / 8,
}));
const local = benchBackends().flatMap((backend) =>
  FORMS.map(({ name, both, bytes }) =>
    localContestant(`${backend} ${name}`, integerSteps(backend, both, copiesOf(bytes)))
  )
);
const peer = await Peer.start("node");
if (typeof peer === "string") {
  console.error(`no onnxruntime-node: ${peer}`);
  Deno.exit(1);
}
await using onnxruntime = peer;
const path = Deno.makeTempFileSync({ suffix: ".onnx" });
const floatCopies = copiesOf(2 * 4 * rows * hidden);
Deno.writeFileSync(path, floatModel(floatCopies));
const loaded = await onnxruntime.load(path, [steps, 1, hidden]);
Deno.removeSync(path);
const PEER = "onnxruntime-node float32";
const times = await interleave([...local, {
  name: PEER,
  run: async (runs: number) => await loaded.run(runs) / floatCopies,
}], SAMPLING);
const reference = times.get(PEER)!.median;
const held: boolean[] = [];
const place = flags.cold ? "from memory" : "in the cache";
printTable(`LSTM of hidden size ${hidden}, ${steps} steps a call, batch 1, ${place}`, {
  columns: [
    { title: "" },
    numeric("µs a step"),
    numeric("10 % .. 90 %"),
    numeric("times as fast"),
    numeric("bar"),
    { title: "" },
  ],
  rows: [...times].map(([name, { median, low, high }]) => {
    const ratio = reference / median;
    const microseconds = (ms: number): string => (1000 * ms / steps).toFixed(1);
    const bar = hidden === 1024 && steps === 1 && !flags.cold ? BARS.get(name) : undefined;
    if (bar !== undefined) held.push(ratio >= bar);
    const range = `${microseconds(low)} .. ${microseconds(high)}`;
    const cells = bar === undefined ? ["", ""] : [`${bar} x`, barCell(ratio >= bar)];
    return [name, microseconds(median), range, ratio.toFixed(2), ...cells];
  }),
});
conclude(held);
