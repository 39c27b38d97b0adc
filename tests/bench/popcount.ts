/**
 * Products of binary codes with activations of 1 to 4 bits by XNOR and popcount, natively, against the kernel that looks
 * int8 weights up by their codes and against int8 weights themselves, in turn:
 *
 *     deno run -A tests/bench/popcount.ts [--positions 1] [--rows 1024] [--columns 1024]
 *
 * It says which of the three a network gets (`isFaster` of the kernels).
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { CODED_CONVOLUTION_KERNELS } from "../../kernels/x64/codes/coded_convolution.ts";
import { POPCOUNT_CONVOLUTION_KERNELS } from "../../kernels/x64/codes/popcount_convolution.ts";
import { DENSE_KERNELS } from "../../kernels/x64/convolution/dense.ts";
import { selectNativeKernel } from "../../kernels/x64/mod.ts";
import type { NativeKernel } from "../../kernels/x64/native_kernel.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import { codedWeights, packPlanes } from "../../lib/arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import { seededRandom } from "../../lib/tensor/random.ts";
import { POINT_WINDOW } from "../../lib/tensor/window.ts";
import { printTable } from "../evidence/bars.ts";
import { interleave, localContestant } from "./interleave.ts";

const { values: flags } = parseArgs({
  options: {
    positions: { type: "string", default: "1" },
    rows: { type: "string", default: "1024" },
    columns: { type: "string", default: "1024" },
  },
});
const [positions, rows, columns] = [flags.positions, flags.rows, flags.columns].map(Number);
const SAMPLING = { samples: [41, 15], budgetMs: 1500, sampleMs: 3, warmUpMs: 50 } as const;
const random = seededRandom(1);

function problemOf(bits: number, activationBits: number): ConvolutionProblem {
  const elements = Uint8Array.from({ length: rows * columns }, () => random.integer(0, 2 ** bits - 1));
  const multipliers = Int8Array.from({ length: rows * bits }, () => random.integer(1, Math.floor(127 / bits)));
  const codes = { bits, groupColumns: columns, planes: packPlanes(elements, rows, columns, bits), multipliers };
  return {
    kind: "convolution",
    window: { ...POINT_WINDOW, inputHeight: positions, outputHeight: positions },
    inputChannels: columns,
    outputChannels: rows,
    groups: 1,
    inputZeroPoint: 0,
    inputHigh: 2 ** activationBits - 1,
    weights: codedWeights(codes, rows, columns),
    codes,
    bias: new Int32Array(rows),
  };
}

function runOf(kernel: NativeKernel<ConvolutionProblem>, problem: ConvolutionProblem): () => void {
  const inputBytes = Math.ceil((positions * columns + 64) / 64) * 64;
  // It is given problems of its kind alone.
  const entry = { kernel: kernel as NativeKernel, problem };
  const program = buildNativeProgram([entry], inputBytes + 4 * positions * rows);
  const bytes = new Uint8Array(program.memory.buffer);
  for (let i = 0; i < positions * columns; i++) bytes[program.arena + i] = random.integer(0, problem.inputHigh);
  const [run] = program.link([[{ entry: 0, output: program.arena + inputBytes, inputs: [program.arena] }]]);
  return run;
}

const CONTESTANTS: Readonly<Record<string, NativeKernel<ConvolutionProblem>>> = {
  popcount: POPCOUNT_CONVOLUTION_KERNELS[0],
  codes: CODED_CONVOLUTION_KERNELS[0],
  int8: DENSE_KERNELS[0] as NativeKernel<ConvolutionProblem>, // of convolutions of any kind
};
const table: string[][] = [];
for (const bits of [1, 2, 3, 4]) {
  for (const activationBits of [1, 2, 3, 4]) {
    const problem = problemOf(bits, activationBits);
    const local = Object.entries(CONTESTANTS).map(([name, kernel]) => localContestant(name, runOf(kernel, problem)));
    const times = await interleave(local, SAMPLING);
    const medians = Object.keys(CONTESTANTS).map((name) => times.get(name)!.median);
    const taken = selectNativeKernel(problem)!.name;
    const chosen = Object.entries(CONTESTANTS).find(([, { name }]) => name === taken)?.[0] ?? taken;
    const [popcount, ...others] = medians;
    table.push([
      `${bits} x ${activationBits}`,
      ...medians.map((ms) => (1000 * ms).toFixed(1)),
      (Math.min(...others) / popcount).toFixed(2),
      chosen,
    ]);
  }
}
printTable(`${rows}x${columns} times ${positions} vectors, bits of codes x bits of activations, µs`, {
  columns: [
    { title: "" },
    ...[...Object.keys(CONTESTANTS), "best other / popcount"].map(numeric),
    { title: "a network gets" },
  ],
  rows: table,
});
