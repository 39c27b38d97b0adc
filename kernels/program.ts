import type { Problem, WasmKernel } from "./kernel.ts";
import { allocateProgram, type ProgramMemory } from "./program_layout.ts";
import type { SharedCalls } from "./shared_calls.ts";
import { ModuleBuilder } from "./wasm/module.ts";

export { align } from "./program_layout.ts";

/** One piece of work that a program can do, with its own constants. Equal code is generated once. */
export interface ProgramEntry {
  readonly kernel: WasmKernel;
  readonly problem: Problem;
}

export type StepFunction = (constants: number, scratch: number, output: number, ...inputs: number[]) => void;

/** Entry `entry` of a program, computed on tensors at these addresses. */
export interface ProgramCall {
  readonly entry: number;
  readonly output: number;
  readonly inputs: readonly number[];
  /** Whose scratch it works in, 0 if it does not say. Calls of different threads may run at the same time. */
  readonly thread?: number;
}

/** Machine code as it lies in executable memory, and the pieces that it was made of; between them are zeros. */
export interface MachineCode {
  readonly bytes: Uint8Array;
  readonly pieces: readonly { readonly offset: number; readonly code: Uint8Array }[];
}

/** Generated code, its constants and an arena of activations in one WebAssembly memory, laid out by `allocateProgram`. */
export interface Program {
  /** The WebAssembly module that runs, for inspection; a program of native code alone has none. */
  readonly bytes?: Uint8Array;
  readonly memory: WebAssembly.Memory;
  /** Address of the arena. */
  readonly arena: number;
  /** All machine code that calls of this program have been linked to, read back from memory, for inspection. */
  machineCode?(): MachineCode[];
  /**
   * A function that makes these calls in order and gives the processor's time stamps before the first and after each of
   * them, which count up at a constant rate; undefined where a call is not of machine code.
   */
  linkStamped?(sequence: readonly ProgramCall[]): (() => BigUint64Array) | undefined;
  /** A function for each list, which makes its calls in order. */
  link(sequences: readonly (readonly ProgramCall[])[]): (() => void)[];
  /**
   * The same for another thread, which makes functions of what this gives by `connectCalls`. They may be called as long as
   * this program is alive. Only of programs for several threads.
   * @throws RangeError for WebAssembly kernels of a native program, which stay with the thread that loaded them.
   */
  share(sequences: readonly (readonly ProgramCall[])[]): SharedCalls;
  /**
   * Gives entry `index` other weights, in the order of its problem's; bias and limits stay. About a nanosecond a weight,
   * after a first time that finds their places.
   * @throws RangeError for a kernel whose weights are not float32, or another number of weights.
   */
  replaceWeights(index: number, weights: Float32Array): void;
}

/** A program of WebAssembly alone. */
export interface WasmProgram extends Program {
  readonly bytes: Uint8Array;
  readonly constantBytes: number;
  readonly scratchBytes: number;
  /** Runs entry `index` on tensors at these addresses. */
  run(index: number, output: number, ...inputs: number[]): void;
}

/**
 * Generates, compiles and loads a program with an arena of `arenaBytes`, for calls by several threads.
 * @throws RangeError when it needs more memory than WebAssembly, or the machine, has.
 */
export function buildProgram(entries: readonly ProgramEntry[], arenaBytes: number, threads = 1): WasmProgram {
  const place = allocateProgram(entries, arenaBytes, threads);
  const { memory, constants, scratch, scratchBytes, arena } = place;
  const { bytes, module, names, calls } = loadModule(entries, place);
  const run = (index: number, output: number, ...inputs: number[]): void =>
    calls[index](constants[index], scratch[0], output, ...inputs);
  return {
    bytes,
    memory,
    arena,
    constantBytes: scratch[0],
    scratchBytes,
    run,
    link: (sequences) =>
      sequences.map((sequence) => () => {
        for (const { entry, output, inputs, thread = 0 } of sequence) {
          calls[entry](constants[entry], scratch[thread], output, ...inputs);
        }
      }),
    share: (sequences) => ({
      kind: "wasm",
      module,
      memory,
      sequences: sequences.map((sequence) =>
        sequence.map(({ entry, output, inputs, thread = 0 }) => ({
          name: names[entry],
          addresses: [constants[entry], scratch[thread], output, ...inputs],
        }))
      ),
    }),
    replaceWeights: weightReplacer(entries, place),
  };
}

/** Generates and compiles the kernels of all entries; equal code is one function. */
export function loadModule(
  entries: readonly ProgramEntry[],
  { memory, pages, isShared }: Pick<ProgramMemory, "memory" | "pages" | "isShared">,
): LoadedModule {
  const builder = new ModuleBuilder(pages, isShared);
  const functions = entries.map(({ kernel, problem }) => kernel.emit(problem, builder));
  for (const index of new Set(functions)) builder.export(`f${index}`, index);
  const bytes = builder.toBytes();
  const module = new WebAssembly.Module(bytes);
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const names = functions.map((index) => `f${index}`);
  return { bytes, module, names, calls: names.map((name) => instance.exports[name] as StepFunction) };
}

interface LoadedModule {
  readonly bytes: Uint8Array;
  readonly module: WebAssembly.Module;
  /** What the function of each entry is exported as. */
  readonly names: readonly string[];
  readonly calls: readonly StepFunction[];
}

/** What kernels of any kind of code have whose weights may be replaced. */
interface ReplaceableEntry {
  readonly kernel: { readonly name: string; weightPositions?(problem: Problem): Uint32Array };
  readonly problem: Problem;
}

/** `replaceWeights` of a program of these entries. */
export function weightReplacer(
  entries: readonly ReplaceableEntry[],
  { memory, constants }: Pick<ProgramMemory, "memory" | "constants">,
): Program["replaceWeights"] {
  const floats = new Float32Array(memory.buffer);
  const places: (Uint32Array | undefined)[] = [];
  return (index, weights) => {
    places[index] ??= floatPlaces(entries[index], constants[index]);
    writeFloats(floats, places[index], weights);
  };
}

/** Where the weights of an entry lie, as elements of a float32 view of the memory. */
function floatPlaces({ kernel, problem }: ReplaceableEntry, constants: number): Uint32Array {
  if (kernel.weightPositions === undefined) throw new RangeError(`${kernel.name} has no weights that can be replaced`);
  return kernel.weightPositions(problem).map((position) => (constants + position) / 4);
}

function writeFloats(memory: Float32Array, places: Uint32Array, values: Float32Array): void {
  if (values.length !== places.length) {
    throw new RangeError(`${places.length} weights expected, found ${values.length}`);
  }
  for (let i = 0; i < places.length; i++) memory[places[i]] = values[i];
}
