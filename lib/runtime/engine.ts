import { runReference } from "../../kernels/mod.ts";
import type { MachineCode } from "../../kernels/program.ts";
import type { StoredDType } from "../arith/problem.ts";
import { inputError } from "../format/error.ts";
import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import { allocate, type ArrayOf, bytesOf, viewBytes } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";
import { type Backend, FUSES, type LoadedKernels, LOADERS } from "./backend.ts";
import type { MemoryPlan } from "../tensor/memory_plan.ts";
import { planActivations } from "./network_memory.ts";
import { requireNative } from "./native_status.ts";
import { proveNoOverflow } from "./overflow_proof.ts";
import { schedule, type ScheduledStep } from "./schedule.ts";
import type { ProblemPart } from "./split_problem.ts";
import { joinCalls, linkWorks, type SplitRun, splitRun, type Work } from "./split_run.ts";
import { type SplitLimits, stepParts } from "./step_parts.ts";
import { type ImageTimer, stepTimer } from "./step_times.ts";

export { type Backend, BACKENDS } from "./backend.ts";

export type IntegerArray = ArrayOf<StoredDType>;

/**
 * Sees the integers of a step's output in memory order; they are only valid during the call. Accumulators that are never
 * stored are not seen.
 */
export type StepObserver = (step: number, output: IntegerArray) => void;

/** An integer network made ready to run. */
export interface IntegerEngine {
  readonly backend: Backend;
  readonly network: IntegerNetwork;
  /**
   * One image, after those that ran before it where the network has states: the input's integers in ONNX order in, the output's integers in ONNX order out. `loaded` is told when the
   * input lies in memory, before the first step.
   * @throws RangeError for an input of another length.
   */
  run(input: ArrayLike<number>, observe?: StepObserver, loaded?: () => void): IntegerArray;
  /** Sets the states to what they are before the first run. Networks without states have nothing to reset. */
  reset(): void;
  /** Copies of the states, in the order of the network's. */
  states(): IntegerArray[];
  /** Goes on with other states, such as `states` gave. */
  setStates(states: readonly ArrayLike<number>[]): void;
  /**
   * What runs an image and takes its time apart inside of the generated code, made for each call; undefined unless all
   * steps are machine code.
   */
  timer(): ImageTimer | undefined;
  /**
   * What computes each step: the name of a kernel, `scalar`, `alias` where no integer moves, `fused` where the kernel of a
   * sum computes the step as well.
   */
  readonly kernels: readonly string[];
  /** What runs, in order. */
  readonly schedule: readonly ScheduledStep[];
  readonly memory: MemoryPlan;
  /** How several threads compute one image; undefined for one thread, and where no step is worth it. */
  readonly split?: SplitRun;
  /** The generated WebAssembly module; undefined where no step runs as WebAssembly. */
  readonly module?: Uint8Array;
  /** The machine code that runs, read back from memory; none where no step runs natively. */
  machineCode(): MachineCode[];
}

const SCALAR = "scalar";
const ALIAS = "alias";
const FUSED = "fused";

export interface EngineOptions {
  /** Whether convolutions may go into the sums that read them. Default true; otherwise every step's output is stored. */
  readonly fused?: boolean;
  /**
   * Threads that compute one image together: large steps are computed in so many parts. Default 1. Who has others than
   * this thread sends them what `split` says.
   */
  readonly threads?: number;
  /** When that is worth it. Default: as measured for the backend. */
  readonly splitLimits?: SplitLimits;
}

/**
 * Lowers a network to one backend: activations get their places in a static arena, every step a kernel or the scalar
 * reference. The proof against overflow is made again for what was loaded.
 * @throws DyadError (input) when it fails, and for a network that needs more memory than there is; `where` names it.
 * (usage) for the native backend where native code cannot be used.
 */
export function createEngine(
  network: IntegerNetwork,
  backend: Backend,
  where = network.name,
  { fused = true, threads = 1, splitLimits }: EngineOptions = {},
): IntegerEngine {
  proveNoOverflow(network, where);
  const scheduled = schedule(network, fused ? FUSES[backend] : () => false);
  const { memory, storage } = planActivations(network, scheduled);
  const parts = stepParts(scheduled.map(({ problem }) => problem), backend, threads, splitLimits);
  const used = Math.max(1, ...parts.map(({ length }) => length));
  const { kernels, entries, program, bytes } = load(parts.flat(), backend, memory.arenaBytes, used, where);
  const views = new Map<string, IntegerArray>();
  for (const [name, { dtype, shape }] of network.tensors) {
    const offset = memory.offsets.get(storage(name));
    if (offset !== undefined) views.set(name, viewBytes(dtype, bytes.subarray(offset), sizeOf(shape)));
  }
  const addressOf = (name: string, elements = 0): number =>
    program!.arena + memory.offsets.get(storage(name))! + elements * bytesOf(network.tensors.get(name)!.dtype);

  let firstPart = 0;
  const firstParts = parts.map(({ length }) => (firstPart += length) - length);
  const works = scheduled.map(({ problem, inputs, output }, i): Work => {
    if (problem === undefined) return [];
    if (entries[firstParts[i]] !== undefined) {
      return parts[i].map((part, thread) => ({
        entry: entries[firstParts[i] + thread]!, // parts have kernels where the whole has
        output: addressOf(output, part.output),
        inputs: inputs.map((name, k) => addressOf(name, part.inputs[k])),
        thread,
      }));
    }
    const sources = inputs.map((name) => views.get(name)!);
    const target = views.get(output)!;
    return () => runReference(problem, sources, target);
  });
  const stretches = joinCalls(works);
  const runs = linkWorks([...works, ...stretches], program);
  const single = runs.slice(0, works.length);
  const whole = runs.slice(works.length);
  const runWhole = (): void => whole.forEach((run) => run());
  const split = splitRun(works, program);
  const inputTensor = network.tensors.get(network.input.tensor)!;
  const outputTensor = network.tensors.get(network.output.tensor)!;
  const outputs = scheduled.map(({ output }) => views.get(output)!);
  const loadImage = (input: ArrayLike<number>): void => loadInput(views.get(network.input.tensor)!, input, inputTensor);
  const readOutput = (): IntegerArray => {
    const result = views.get(network.output.tensor)! as ArrayOf<typeof outputTensor.dtype>;
    return toLogicalOrder(tensor(outputTensor.dtype, outputTensor.shape, result)) as IntegerArray;
  };
  const kernelNames = network.steps.map(() => FUSED);
  scheduled.forEach(({ step, problem }, i) => kernelNames[step] = problem ? kernels[firstParts[i]] ?? SCALAR : ALIAS);

  const reset = (): void => {
    for (const { tensor } of network.states ?? []) views.get(tensor)!.fill(network.tensors.get(tensor)!.zeroPoint);
  };
  reset();
  const stateViews = (network.states ?? []).map(({ tensor }) => views.get(tensor)!);
  return {
    backend,
    network,
    reset,
    states: () => stateViews.map((state) => state.slice()),
    setStates: (states) => stateViews.forEach((state, i) => state.set(states[i])),
    kernels: kernelNames,
    schedule: scheduled,
    memory,
    split,
    module: program?.bytes,
    machineCode: () => program?.machineCode?.() ?? [],
    run(input, observe, loaded) {
      const load = (): void => {
        loadImage(input);
        loaded?.();
      };
      if (observe === undefined && split?.isStarted) {
        split.run(load, runWhole);
        return readOutput();
      }
      load();
      if (observe === undefined) runWhole();
      else {
        single.forEach((run, i) => {
          run();
          observe(scheduled[i].step, outputs[i]);
        });
      }
      return readOutput();
    },
    timer() {
      const counts = works.map((work) => typeof work === "function" ? undefined : work.length);
      if (counts.includes(undefined)) return undefined;
      const run = program?.linkStamped?.(works.flatMap((work) => typeof work === "function" ? [] : work));
      return run && stepTimer({ load: loadImage, run, read: readOutput }, counts.map(Number));
    },
  };
}

/** The kernels of all parts of steps, in memory, and the bytes of the arena. */
function load(
  parts: readonly ProblemPart[],
  backend: Backend,
  arenaBytes: number,
  threads: number,
  where: string,
): LoadedKernels & { readonly bytes: Uint8Array } {
  if (backend === "native") requireNative();
  try {
    const loaded = LOADERS[backend](parts.map(({ problem }) => problem), arenaBytes, threads);
    const { program } = loaded;
    const bytes = program === undefined
      ? new Uint8Array(arenaBytes)
      : new Uint8Array(program.memory.buffer, program.arena, arenaBytes);
    return { ...loaded, bytes };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw inputError(`${where}: its tensors and constants do not fit into memory: ${error.message}`, { cause: error });
  }
}

function loadInput(target: IntegerArray, input: ArrayLike<number>, { dtype, shape }: NetworkTensor): void {
  if (input.length !== target.length) {
    throw new RangeError(`the network's input takes ${target.length} integers, found ${input.length}`);
  }
  if (shape.length !== 4 || shape[1] === 1) return target.set(input);
  const isOfDType = input.constructor === target.constructor;
  const logical = isOfDType ? input as typeof target : allocate(dtype, input.length); // as just found
  if (!isOfDType) logical.set(input);
  toActivationOrder(tensor(dtype, shape, logical), target);
}
