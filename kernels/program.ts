import { READ_SLACK, type WasmKernel } from "./kernel.ts";
import type { Problem } from "./kernel.ts";
import { ModuleBuilder } from "./wasm/module.ts";

/** One piece of work that a program can do, with its own constants. Equal code is generated once. */
export interface ProgramEntry {
  readonly kernel: WasmKernel;
  readonly problem: Problem;
}

const PAGE = 65536;
/** Addresses are 32 bits. */
const MEMORY_BYTES_MAX = 2 ** 32;
const ALIGNMENT = 64;

type StepFunction = (constants: number, scratch: number, output: number, ...inputs: number[]) => void;

/**
 * Generated code, its constants and an arena of activations in one WebAssembly memory:
 *
 *     [slack] constants of every entry | scratch, shared by all | arena | [slack]
 */
export interface WasmProgram {
  /** The module that runs, for inspection. */
  readonly bytes: Uint8Array;
  readonly memory: WebAssembly.Memory;
  /** Address of the arena. */
  readonly arena: number;
  readonly constantBytes: number;
  readonly scratchBytes: number;
  /** Runs entry `index` on tensors at these addresses. */
  run(index: number, output: number, ...inputs: number[]): void;
  /**
   * Gives entry `index` other weights, in the order of its problem's; bias and limits stay. About a nanosecond a weight,
   * after a first time that finds their places.
   * @throws RangeError for a kernel whose weights are not float32, or another number of weights.
   */
  replaceWeights(index: number, weights: Float32Array): void;
}

export function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/**
 * Generates, compiles and loads a program with an arena of `arenaBytes`.
 * @throws RangeError when it needs more memory than WebAssembly, or the machine, has.
 */
export function buildProgram(entries: readonly ProgramEntry[], arenaBytes: number): WasmProgram {
  const constants = entries.map(({ kernel, problem }) => kernel.pack(problem));
  let address = align(READ_SLACK);
  const constantsAt = constants.map((bytes) => {
    const at = address;
    address = align(at + bytes.length + READ_SLACK);
    return at;
  });
  const scratch = address;
  const scratchBytes = entries.reduce((most, { kernel, problem }) => Math.max(most, kernel.scratchBytes(problem)), 0);
  const arena = align(scratch + scratchBytes + READ_SLACK);
  const memoryBytes = arena + arenaBytes + READ_SLACK;
  if (!(memoryBytes <= MEMORY_BYTES_MAX)) {
    throw new RangeError(`needs ${memoryBytes} bytes of memory, WebAssembly has at most ${MEMORY_BYTES_MAX}`);
  }
  const pages = Math.ceil(memoryBytes / PAGE);

  const module = new ModuleBuilder(pages);
  const functions = entries.map(({ kernel, problem }) => kernel.emit(problem, module));
  for (const index of new Set(functions)) module.export(`f${index}`, index);
  const bytes = module.toBytes();
  const memory = new WebAssembly.Memory({ initial: pages });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const view = new Uint8Array(memory.buffer);
  constants.forEach((content, i) => view.set(content, constantsAt[i]));
  const floats = new Float32Array(memory.buffer);
  const places: (Uint32Array | undefined)[] = [];
  const calls = functions.map((index) => instance.exports[`f${index}`] as StepFunction);
  return {
    bytes,
    memory,
    arena,
    constantBytes: scratch,
    scratchBytes,
    run: (index, output, ...inputs) => calls[index](constantsAt[index], scratch, output, ...inputs),
    replaceWeights: (index, weights) => {
      places[index] ??= floatPlaces(entries[index], constantsAt[index]);
      writeFloats(floats, places[index], weights);
    },
  };
}

/** Where the weights of an entry lie, as elements of a float32 view of the memory. */
function floatPlaces({ kernel, problem }: ProgramEntry, constants: number): Uint32Array {
  if (kernel.weightPositions === undefined) throw new RangeError(`${kernel.name} has no weights that can be replaced`);
  return kernel.weightPositions(problem).map((position) => (constants + position) / 4);
}

function writeFloats(memory: Float32Array, places: Uint32Array, values: Float32Array): void {
  if (values.length !== places.length) {
    throw new RangeError(`${places.length} weights expected, found ${values.length}`);
  }
  for (let i = 0; i < places.length; i++) memory[places[i]] = values[i];
}
