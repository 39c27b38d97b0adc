import { numeric } from "../../cli/report.ts";
import { READ_SLACK, type WasmKernel } from "../../kernels/kernel.ts";
import { KERNELS, selectKernel } from "../../kernels/mod.ts";
import { align, buildProgram } from "../../kernels/program.ts";
import { featuresHere } from "../../kernels/x64/cpu_features.ts";
import { nativeKernelsFor, selectNativeKernel } from "../../kernels/x64/mod.ts";
import type { NativeKernel } from "../../kernels/x64/native_kernel.ts";
import { buildNativeProgram } from "../../kernels/x64/native_program.ts";
import type { IntegerProblem } from "../../lib/arith/problem.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { bytesOf } from "../../lib/tensor/dtype.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { printTable, withProgress } from "../evidence/bars.ts";
import { BENCH_WIDTHS, benchBackends } from "./contestants.ts";
import { type Contestant, interleave, localContestant, type Sampling } from "./interleave.ts";
import { type BenchNetwork, integerNetwork, prepareModel } from "./networks.ts";

/** How many times as long as the fastest the chosen kernel may take. */
const TOLERANCE = 1.1;
const SAMPLING: Sampling = { samples: [15, 7], budgetMs: 200, sampleMs: 0.3, warmUpMs: 40 };
/** Of kernels that seem slower: they are only called so when they are every time. */
const AGAIN: Sampling = { samples: [31, 15], budgetMs: 1000, sampleMs: 1, warmUpMs: 100 };
const ATTEMPTS = 3;

/** Calls of a kernel in a row: what leads into native code counts once, as it does in a network. */
const CALLS = 16;
/** What a WebAssembly kernel between native ones costs beside its own time: they are two calls then (DESIGN section 6). */
const CALL_MICROS = 0.6;

type Kernel = NativeKernel | WasmKernel;

/** A step of some network, apart from the values of its constants. */
interface Step {
  readonly work: string;
  readonly problem: IntegerProblem;
  readonly inputBytes: readonly number[];
  readonly outputBytes: number;
}

/** The kernels that can compute a step on a backend, the chosen one first. */
interface Choice extends Step {
  readonly backend: "native" | "wasm";
  readonly kernels: readonly Kernel[];
}

/**
 * Times, for every different step of the networks on every backend, all kernels of the list that support it, and prints
 * where the chosen one is slower than the fastest by more than `TOLERANCE`.
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

/** Chosen and fastest kernel with their microseconds; undefined where the chosen one is fast enough. */
async function slowerThan(choice: Choice): Promise<string[] | undefined> {
  let kernels = choice.kernels;
  let sampling = SAMPLING;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const times = await interleave(kernels.map((kernel) => contestantOf(choice, kernel)), sampling);
    const [chosen] = kernels;
    const micros = (kernel: Kernel): number =>
      1000 * times.get(kernel.name)!.low / CALLS + (choice.backend === "native" && "emit" in kernel ? CALL_MICROS : 0);
    const fastest = kernels.reduce((best, kernel) => micros(kernel) < micros(best) ? kernel : best);
    if (micros(chosen) <= TOLERANCE * micros(fastest)) return undefined;
    if (attempt === ATTEMPTS - 1) {
      return [chosen.name, micros(chosen).toFixed(1), fastest.name, micros(fastest).toFixed(1)];
    }
    [kernels, sampling] = [[chosen, fastest], AGAIN];
  }
}

/** The kernel alone in a program, on arbitrary input. */
function contestantOf(
  { problem, inputBytes, outputBytes, backend }: Choice,
  kernel: Kernel,
): Contestant {
  const sizes = [outputBytes, ...inputBytes].map((bytes) => align(bytes + READ_SLACK));
  const total = sizes.reduce((a, b) => a + b, 0);
  const program = backend === "native"
    ? buildNativeProgram([{ kernel, problem }], total)
    : buildProgram([{ kernel: kernel as WasmKernel, problem }], total); // no others are listed for it
  const addresses = sizes.map((_, i) => program.arena + sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const arena = new Uint8Array(program.memory.buffer, program.arena, total);
  for (let i = 0; i < total; i++) arena[i] = i % 61; // at most 63: every width of activations has it
  const [output, ...inputs] = addresses;
  const [run] = program.link([new Array(CALLS).fill({ entry: 0, output, inputs })]);
  return localContestant(kernel.name, run);
}

function choicesOf(networks: readonly BenchNetwork[]): Choice[] {
  const choices = new Map<string, Choice>();
  for (const { name, model } of networks) {
    const prepared = prepareModel(model());
    for (const backend of benchBackends()) {
      for (const [weightBits, activationBits] of BENCH_WIDTHS[backend]) {
        const network = integerNetwork(prepared, weightBits, activationBits);
        for (const step of stepsOf(`${name} ${weightBits}/${activationBits}`, network)) {
          const kernels = kernelsFor(step.problem, backend);
          if (kernels.length < 2) continue;
          const names = kernels.map((kernel) => kernel.name);
          const sizes = JSON.stringify(
            step.problem,
            (_, value) => ArrayBuffer.isView(value) ? value.byteLength : value,
          );
          const key = `${backend} ${names} ${weightBits} ${sizes}`;
          if (!choices.has(key)) choices.set(key, { ...step, backend, kernels });
        }
      }
    }
  }
  return [...choices.values()];
}

function stepsOf(work: string, { steps, tensors }: IntegerNetwork): Step[] {
  const bytes = (name: string): number => {
    const { dtype, shape } = tensors.get(name)!;
    return sizeOf(shape) * bytesOf(dtype);
  };
  return steps.flatMap(({ name, problem, inputs, output }) =>
    problem === undefined
      ? []
      : [{ work: `${work} ${name}`, problem, inputBytes: inputs.map(bytes), outputBytes: bytes(output) }]
  );
}

function kernelsFor(problem: IntegerProblem, backend: "native" | "wasm"): Kernel[] {
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
