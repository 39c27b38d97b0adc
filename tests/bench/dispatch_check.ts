import { numeric } from "../../cli/report.ts";
import { READ_SLACK, type WasmKernel } from "../../kernels/kernel.ts";
import { KERNELS, selectKernel } from "../../kernels/mod.ts";
import { align, buildProgram } from "../../kernels/program.ts";
import { featuresHere } from "../../kernels/x64/cpu_features.ts";
import { nativeKernelsFor, selectNativeKernel } from "../../kernels/x64/mod.ts";
import type { NativeKernel } from "../../kernels/x64/native_kernel.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import type { ConvolutionProblem, ConvolutionSumProblem, KernelProblem } from "../../lib/arith/problem.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { FUSES } from "../../lib/runtime/backend.ts";
import { schedule } from "../../lib/runtime/schedule.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { printTable, withProgress } from "../evidence/bars.ts";
import { BENCH_WIDTHS, benchBackends } from "./contestants.ts";
import { type Contestant, interleave, localContestant, type Sampling } from "./interleave.ts";
import { type BenchNetwork, integerNetwork, prepareModel } from "./networks.ts";

/** How many times as long as the fastest the chosen kernel may take. */
const TOLERANCE = 1.1;
const SAMPLING: Sampling = { samples: [15, 7], budgetMs: 200, sampleMs: 0.3, warmUpMs: 40 };
/**
 * Of kernels that seem slower: they are only called so when they are every time. WebAssembly first runs as V8 compiles it
 * quickly; on a busy machine the fast code can be half a second late.
 */
const AGAIN: Sampling = { samples: [31, 15], budgetMs: 1000, sampleMs: 1, warmUpMs: 1000 };
const ATTEMPTS = 3;

/** Calls of a kernel in a row: what leads into native code counts once, as it does in a network. */
const CALLS = 16;
/** What a WebAssembly kernel between native ones costs beside its own time: they are two calls then (DESIGN section 6). */
const CALL_MICROS = 0.6;

type Kernel = NativeKernel | WasmKernel;
type BenchBackend = "native" | "wasm";

/** A step of some network, apart from the values of its constants. */
interface Step {
  readonly work: string;
  readonly problem: KernelProblem;
  readonly inputBytes: readonly number[];
  readonly outputBytes: number;
}

/** A kernel for a step; or one for its convolution, whose accumulators are stored then, and `sum` for the rest. */
interface Way {
  readonly name: string;
  readonly kernel: Kernel;
  readonly sum?: Kernel;
}

/** The ways to compute a step on a backend, the chosen one first. */
interface Choice extends Step {
  readonly backend: BenchBackend;
  readonly ways: readonly Way[];
}

/**
 * Times, for every different step of the networks on every backend, all kernels of the list that support it, and prints
 * where the chosen one is slower than the fastest by more than `TOLERANCE`. Steps are those that run: a convolution that
 * goes on with a sum is compared with the two apart as well.
 * @returns for every step with a choice whether the chosen kernel is fast enough
 */
export async function checkDispatch(networks: readonly BenchNetwork[]): Promise<boolean[]> {
  const choices = await withProgress("collecting steps", () => choicesOf(networks));
  const rows: string[][] = [];
  const held: boolean[] = [];
  await withProgress(`${choices.length} steps`, async (onProgress) => {
    for (const choice of choices) {
      onProgress(held.length, choices.length);
      const slower = await slowerThan(choice);
      held.push(slower === undefined);
      if (slower !== undefined) rows.push([choice.backend, choice.work, ...slower]);
    }
  });
  if (rows.length > 0) {
    printTable("Steps whose chosen kernel is not the fastest", {
      columns: [
        { title: "backend" },
        { title: "step" },
        { title: "chosen" },
        numeric("µs"),
        { title: "fastest" },
        numeric("µs"),
      ],
      rows,
    });
  }
  return held;
}

/** Chosen and fastest way with their microseconds; undefined where the chosen one is fast enough. */
async function slowerThan(choice: Choice): Promise<string[] | undefined> {
  let ways = choice.ways;
  let sampling = SAMPLING;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const times = await interleave(ways.map((way) => contestantOf(choice, way)), sampling);
    const [chosen] = ways;
    const micros = (way: Way): number =>
      1000 * times.get(way.name)!.low / CALLS + callsOfWasm(choice, way) * CALL_MICROS;
    const fastest = ways.reduce((best, way) => micros(way) < micros(best) ? way : best);
    if (micros(chosen) <= TOLERANCE * micros(fastest)) return undefined;
    if (attempt === ATTEMPTS - 1) {
      return [chosen.name, micros(chosen).toFixed(1), fastest.name, micros(fastest).toFixed(1)];
    }
    [ways, sampling] = [[chosen, fastest], AGAIN];
  }
}

/** WebAssembly kernels of a native network. */
function callsOfWasm({ backend }: Choice, { kernel, sum }: Way): number {
  if (backend === "wasm") return 0;
  return [kernel, sum].filter((each) => each !== undefined && "emit" in each).length;
}

/** A way alone in a program, on arbitrary input. */
function contestantOf({ problem, inputBytes, outputBytes, backend }: Choice, { name, kernel, sum }: Way): Contestant {
  const entries = sum === undefined || problem.kind !== "convolution_sum"
    ? [{ kernel, problem }]
    : [{ kernel, problem: alone(problem) }, { kernel: sum, problem: problem.sum }];
  const accumulatorBytes = entries.length === 1 ? 0 : outputSize(problem) * bytesOf("i32");
  const sizes = [outputBytes, accumulatorBytes, ...inputBytes].map((bytes) => align(bytes + READ_SLACK));
  const total = sizes.reduce((a, b) => a + b, 0);
  const program = backend === "native"
    ? buildNativeProgram(entries, total)
    : buildProgram(entries as { kernel: WasmKernel; problem: KernelProblem }[], total); // no others are listed for it
  const addresses = sizes.map((_, i) => program.arena + sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const arena = new Uint8Array(program.memory.buffer, program.arena, total);
  for (let i = 0; i < total; i++) arena[i] = i % 61; // at most 63: every width of activations has it
  const [output, accumulators, ...inputs] = addresses;
  const [image, ...others] = inputs;
  const calls = problem.kind !== "convolution_sum" || entries.length === 1 ? [{ entry: 0, output, inputs }] : [
    { entry: 0, output: accumulators, inputs: [image] },
    { entry: 1, output, inputs: others.toSpliced(problem.term, 0, accumulators) },
  ];
  const [run] = program.link([new Array<typeof calls>(CALLS).fill(calls).flat()]);
  return localContestant(name, run);
}

/** The convolution whose accumulators are stored. */
function alone({ sum: _sum, term: _term, bounds: _bounds, ...problem }: ConvolutionSumProblem): ConvolutionProblem {
  return { ...problem, kind: "convolution", output: undefined };
}

function outputSize(problem: KernelProblem): number {
  return problem.kind === "convolution_sum" ? problem.sum.pixels * problem.sum.channels : 0;
}

function choicesOf(networks: readonly BenchNetwork[]): Choice[] {
  const choices = new Map<string, Choice>();
  for (const { name, model } of networks) {
    const prepared = prepareModel(model());
    for (const backend of benchBackends()) {
      for (const [weightBits, activationBits] of BENCH_WIDTHS[backend]) {
        const network = integerNetwork(prepared, weightBits, activationBits);
        for (const step of stepsOf(`${name} ${weightBits}/${activationBits}`, network, backend)) {
          const ways = waysOf(step.problem, backend);
          if (ways.length < 2) continue;
          const names = ways.map((way) => way.name);
          const sizes = JSON.stringify(
            step.problem,
            (_, value) => ArrayBuffer.isView(value) ? value.byteLength : value,
          );
          const key = `${backend} ${names} ${weightBits} ${sizes}`;
          if (!choices.has(key)) choices.set(key, { ...step, backend, ways });
        }
      }
    }
  }
  return [...choices.values()];
}

/** What runs of a network. */
function stepsOf(work: string, network: IntegerNetwork, backend: BenchBackend): Step[] {
  const bytes = (name: string): number => {
    const { dtype, shape } = network.tensors.get(name)!;
    return sizeOf(shape) * bytesOf(dtype);
  };
  return schedule(network, FUSES[backend]).flatMap(({ step, problem, inputs, output }) =>
    problem === undefined ? [] : [{
      work: `${work} ${network.steps[step].name}`,
      problem,
      inputBytes: inputs.map(bytes),
      outputBytes: bytes(output),
    }]
  );
}

function waysOf(problem: KernelProblem, backend: BenchBackend): Way[] {
  const single = kernelsFor(problem, backend).map((kernel): Way => ({ name: kernel.name, kernel }));
  if (problem.kind !== "convolution_sum") return single;
  const [[kernel], [sum]] = [kernelsFor(alone(problem), backend), kernelsFor(problem.sum, backend)];
  if (kernel === undefined || sum === undefined) return single;
  return [...single, { name: `${kernel.name}, ${sum.name}`, kernel, sum }];
}

/** All kernels of the list for a problem, the chosen one first. */
function kernelsFor(problem: KernelProblem, backend: BenchBackend): Kernel[] {
  const wasm = KERNELS.filter((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
  if (backend === "wasm") return chosenFirst(selectKernel(problem), wasm);
  const native = nativeKernelsFor(featuresHere()).filter((kernel) =>
    kernel.kind === problem.kind && kernel.supports(problem)
  );
  return chosenFirst<Kernel>(selectNativeKernel(problem) ?? selectKernel(problem), [...native, ...wasm]);
}

function chosenFirst<K extends Kernel>(chosen: K | undefined, kernels: readonly K[]): K[] {
  return chosen === undefined ? [] : [chosen, ...kernels.filter((kernel) => kernel !== chosen)];
}
