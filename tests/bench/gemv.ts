/**
 * Matrices times one vector: binary codes, int8, and int8 where the vector finds its scale at run time, against the
 * float32 MatMul of onnxruntime-node, one thread and one run, sample by sample in turn:
 *
 *     deno task bench:gemv [--quick] [--only TEXT]
 *
 * Each matrix once as it lies in the cache, and once as it has to be read from memory: then copies of it, together larger
 * than the last cache, take turns. Exits 1 where a bar is missed.
 */
import { parseArgs } from "node:util";
import { type Cell, numeric } from "../../cli/report.ts";
import { selectKernel } from "../../kernels/mod.ts";
import { buildProgram, type Program } from "../../kernels/program.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { codedWeights, packPlanes } from "../../lib/arith/binary_codes/weight_codes.ts";
import type { DynamicProductProblem } from "../../lib/arith/dynamic_product.ts";
import type { ConvolutionProblem, KernelProblem } from "../../lib/arith/problem.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { barCell, conclude, printTable, withProgress } from "../evidence/bars.ts";
import { int } from "../lib/onnx/sample_model.ts";
import { type Contestant, interleave, localContestant, type Sampling } from "./interleave.ts";
import { OnnxWriter } from "./models/onnx_writer.ts";
import { Peer } from "./peer.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: { quick: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});
const SAMPLING: Sampling = flags.quick
  ? { samples: [15, 5], budgetMs: 1500, sampleMs: 3, warmUpMs: 100 }
  : { samples: [41, 9], budgetMs: 6000, sampleMs: 5, warmUpMs: 300 };

const SHAPES = [{ outputs: 4096, inputs: 1024 }, { outputs: 10000, inputs: 300 }]
  .filter(({ outputs, inputs }) => `${outputs}x${inputs}`.includes(flags.only));
type Shape = (typeof SHAPES)[number];

/** More than the last cache of any processor that a user is likely to have for one core. */
const EVICTING_BYTES = 96 * 2 ** 20;
const FLOAT = "node float32";
/** How many times as fast as float32 the native tier has to be. */
const BARS = new Map([["native codes2", 6], ["native codes3", 3], ["native int8", 2.5]]);

function int8Problem({ inputs, outputs }: Shape): ConvolutionProblem {
  const random = seededRandom(1);
  return {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: inputs,
    outputChannels: outputs,
    groups: 1,
    inputZeroPoint: 128,
    inputHigh: 255,
    weights: Int8Array.from({ length: inputs * outputs }, () => random.integer(-127, 127)),
    bias: new Int32Array(outputs),
  };
}

function codesProblem(shape: Shape, bits: number): ConvolutionProblem {
  const { inputs, outputs } = shape;
  const random = seededRandom(bits);
  const elements = Uint8Array.from({ length: inputs * outputs }, () => random.integer(0, 2 ** bits - 1));
  const codes = {
    bits,
    groupColumns: inputs,
    planes: packPlanes(elements, outputs, inputs, bits),
    multipliers: Int8Array.from({ length: outputs * bits }, () => random.integer(1, Math.floor(127 / bits))),
  };
  return { ...int8Problem(shape), weights: codedWeights(codes, outputs, inputs), codes };
}

/** With a scale that the vector finds at run time. */
function dynamicProblem(shape: Shape): DynamicProductProblem {
  const { inputs, outputs } = shape;
  const { weights, bias } = int8Problem(shape);
  const multipliers = new Int32Array(outputs).fill(2 ** 30);
  const output = {
    dtype: "u8",
    zeroPoint: 128,
    low: 0,
    high: 255,
    multipliers,
    shifts: new Uint8Array(outputs).fill(60),
  } as const;
  return { kind: "dynamic_product", positions: 1, inputs, outputs, activationBits: 8, weights, bias, output };
}

/** `copies` of one problem, of which each run computes the next, on one vector. */
function contestantOf(name: string, problem: KernelProblem, { inputs, outputs }: Shape, copies: number): Contestant {
  const inputBytes = inputs * (problem.kind === "dynamic_product" ? 4 : 1);
  const arena = 64 * Math.ceil(inputBytes / 64) + 64;
  const program = programOf(name, problem, copies, arena + 4 * outputs);
  const bytes = new Uint8Array(program.memory.buffer);
  const random = seededRandom(2);
  for (let i = 0; i < inputBytes; i++) bytes[program.arena + i] = random.integer(0, 255);
  const runs = program.link(Array.from({ length: copies }, (_, entry) => [{
    entry,
    output: program.arena + arena,
    inputs: [program.arena],
  }]));
  let next = 0;
  return localContestant(name, () => {
    runs[next]();
    next = (next + 1) % copies;
  });
}

function programOf(name: string, problem: KernelProblem, copies: number, arenaBytes: number): Program {
  const repeated = <K>(kernel: K) => Array.from({ length: copies }, () => ({ kernel, problem }));
  if (name.startsWith("native")) return buildNativeProgram(repeated(selectNativeKernel(problem)!), arenaBytes);
  return buildProgram(repeated(selectKernel(problem)!), arenaBytes);
}

/** One vector by each of `copies` float matrices; so many results side by side. */
function floatModel({ inputs, outputs }: Shape, copies: number): Uint8Array {
  const writer = new OnnxWriter("gemv");
  const random = seededRandom(3);
  const products = Array.from({ length: copies }, (_, copy) => {
    const data = Float32Array.from({ length: inputs * outputs }, () => random.uniform() - 0.5);
    return writer.node("MatMul", ["x", writer.constant(`w${copy}`, "f32", [inputs, outputs], data)], `y${copy}`);
  });
  writer.node("Concat", products, "y", [int("axis", 1)]);
  return writer.finish({ name: "x", shape: [1, inputs] }, { name: "y", shape: [1, copies * outputs] });
}

async function floatContestant(peer: Peer, shape: Shape, copies: number, stack: AsyncDisposableStack) {
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  stack.defer(() => Deno.remove(path));
  Deno.writeFileSync(path, floatModel(shape, copies));
  const model = stack.use(await peer.load(path, [1, shape.inputs]));
  return { name: FLOAT, run: async (runs: number) => await model.run(runs) / copies };
}

/** Every tier that this machine has. */
function problemsOf(
  shape: Shape,
): { readonly name: string; readonly problem: KernelProblem; readonly bytes: number }[] {
  const weights = shape.inputs * shape.outputs;
  const coded = [1, 2, 3, 4].map((bits) => ({
    name: `codes${bits}`,
    problem: codesProblem(shape, bits),
    bytes: weights * bits / 8,
  }));
  const all: { readonly name: string; readonly problem: KernelProblem; readonly bytes: number }[] = [
    { name: "int8", problem: int8Problem(shape), bytes: weights },
    { name: "dynamic", problem: dynamicProblem(shape), bytes: weights },
    ...coded,
  ];
  const tiers = nativeStatus().isAvailable ? ["native", "wasm"] : ["wasm"];
  return tiers.flatMap((tier) =>
    all.filter(({ problem }) => tier === "native" || selectKernel(problem) !== undefined)
      .map(({ name, ...rest }) => ({ name: `${tier} ${name}`, ...rest }))
  );
}

const held: boolean[] = [];
const peer = await Peer.start("node");
if (typeof peer === "string") console.error(`going on without onnxruntime-node: ${peer}`);
for (const shape of SHAPES) {
  for (const isCold of [false, true]) {
    await using stack = new AsyncDisposableStack();
    const weights = shape.inputs * shape.outputs;
    const copiesFor = (bytes: number): number => isCold ? Math.ceil(EVICTING_BYTES / bytes) : 1;
    const title = `${shape.outputs}x${shape.inputs} times a vector, ${isCold ? "from memory" : "in the cache"}`;
    const contestants: Contestant[] = problemsOf(shape)
      .map(({ name, problem, bytes }) => contestantOf(name, problem, shape, copiesFor(bytes)));
    if (typeof peer !== "string") {
      contestants.push(await floatContestant(peer, shape, copiesFor(4 * weights), stack));
    }
    const times = await withProgress(title, () => interleave(contestants, SAMPLING));
    const float = times.get(FLOAT)?.median;
    const rows = [...times].map(([name, { median, low, high }]): Cell[] => {
      const gain = float === undefined ? undefined : float / median;
      const bar = BARS.get(name);
      const isHeld = bar === undefined || gain === undefined ? undefined : gain >= bar;
      if (isHeld !== undefined) held.push(isHeld);
      return [
        name,
        (1000 * median).toFixed(1),
        (500 * (high - low)).toFixed(1),
        (weights / median / 1e6).toFixed(1),
        gain === undefined ? "" : `${gain.toFixed(2)} x`,
        isHeld === undefined ? "" : `${bar} x`,
        isHeld === undefined ? "" : barCell(isHeld),
      ];
    });
    printTable(title, {
      columns: [{ title: "" }, ...["µs", "+-", "GMAC/s", "of float32", "bar"].map(numeric), { title: "" }],
      rows,
    });
  }
}
if (typeof peer !== "string") await peer[Symbol.asyncDispose]();
conclude(held);
