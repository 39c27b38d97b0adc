/**
 * Products of binary codes with activations of 1 to 4 bits by XNOR and popcount, against the kernel that looks up what the
 * codes say and against int8 weights, in turn:
 *
 *     deno run -A tests/bench/popcount.ts [--backend native|wasm] [--positions 1] [--rows 1024] [--columns 1024]
 *
 * It says which of the three a network gets (`isFaster` of the kernels).
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { CODED_CONVOLUTION_KERNELS as WASM_KERNELS } from "../../kernels/convolution/coded_kernel.ts";
import type { WasmKernel } from "../../kernels/kernel.ts";
import { selectKernel } from "../../kernels/mod.ts";
import { buildProgram, type Program } from "../../kernels/program.ts";
import { CODED_CONVOLUTION_KERNELS } from "../../kernels/x64/codes/coded_convolution.ts";
import { POPCOUNT_CONVOLUTION_KERNELS } from "../../kernels/x64/codes/popcount_convolution.ts";
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
    backend: { type: "string", default: "native" },
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

function runOf(program: Program, problem: ConvolutionProblem): () => void {
  const bytes = new Uint8Array(program.memory.buffer);
  for (let i = 0; i < positions * columns; i++) bytes[program.arena + i] = random.integer(0, problem.inputHigh);
  const [run] = program.link([[{ entry: 0, output: program.arena + INPUT_BYTES, inputs: [program.arena] }]]);
  return run;
}

const INPUT_BYTES = Math.ceil((positions * columns + 64) / 64) * 64;
const ARENA_BYTES = INPUT_BYTES + 4 * positions * rows;

/** A kernel of convolutions, by name: they are given problems of its kind alone. */
interface Tier<K> {
  readonly contestants: Readonly<Record<"popcount" | "codes", K>>;
  select(problem: ConvolutionProblem): K;
  build(kernel: K, problem: ConvolutionProblem): Program;
}

const NATIVE: Tier<NativeKernel> = {
  contestants: {
    popcount: POPCOUNT_CONVOLUTION_KERNELS[0] as NativeKernel,
    codes: CODED_CONVOLUTION_KERNELS[0] as NativeKernel,
  },
  select: (problem) => selectNativeKernel(problem)!,
  build: (kernel, problem) => buildNativeProgram([{ kernel, problem }], ARENA_BYTES),
};
const [wasmPopcount, wasmCodes] = WASM_KERNELS;
const WASM: Tier<WasmKernel> = {
  contestants: { popcount: wasmPopcount as WasmKernel, codes: wasmCodes as WasmKernel },
  select: (problem) => selectKernel(problem)!,
  build: (kernel, problem) => buildProgram([{ kernel, problem }], ARENA_BYTES),
};

const table: string[][] = [];
if (flags.backend === "wasm") await measure(WASM);
else await measure(NATIVE);

async function measure<K extends { readonly name: string }>({ contestants, select, build }: Tier<K>): Promise<void> {
  for (const bits of [1, 2, 3, 4]) {
    for (const activationBits of [1, 2, 3, 4]) {
      const problem = problemOf(bits, activationBits);
      const kernels = { ...contestants, int8: select({ ...problem, codes: undefined }) };
      const local = Object.entries(kernels).map(([name, kernel]) =>
        localContestant(name, runOf(build(kernel, problem), problem))
      );
      const times = await interleave(local, SAMPLING);
      const medians = Object.keys(kernels).map((name) => times.get(name)!.median);
      const taken = select(problem).name;
      const chosen = Object.entries(kernels).find(([, { name }]) => name === taken)?.[0] ?? taken;
      const [popcount, ...others] = medians;
      table.push([
        `${bits} x ${activationBits}`,
        ...medians.map((ms) => (1000 * ms).toFixed(1)),
        (Math.min(...others) / popcount).toFixed(2),
        chosen,
      ]);
    }
  }
}
printTable(`${rows}x${columns} times ${positions} vectors, bits of codes x bits of activations, ${flags.backend}, µs`, {
  columns: [
    { title: "" },
    ...["popcount", "codes", "int8", "best other / popcount"].map(numeric),
    { title: "a network gets" },
  ],
  rows: table,
});
