import { type Problem, READ_SLACK } from "./kernel.ts";

const PAGE = 65536;
/** Addresses are 32 bits. */
const MEMORY_BYTES_MAX = 2 ** 32;
const ALIGNMENT = 64;

/** What a kernel of any kind of code needs besides its tensors. */
export interface PlacedEntry {
  readonly kernel: { pack(problem: Problem): Uint8Array; scratchBytes(problem: Problem): number };
  readonly problem: Problem;
}

/** The memory of a program. Addresses in bytes, multiples of 64. */
export interface ProgramMemory {
  /** It never grows, so it keeps its place. */
  readonly memory: WebAssembly.Memory;
  /** Of 64 KiB. */
  readonly pages: number;
  /** Of each entry, in place. */
  readonly constants: readonly number[];
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly arena: number;
}

export function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/**
 * Makes a memory of
 *
 *     [slack] constants of every entry | scratch, shared by all | arena | [slack]
 *
 * with the constants in it.
 * @throws RangeError when that is more than WebAssembly, or the machine, has.
 */
export function allocateProgram(entries: readonly PlacedEntry[], arenaBytes: number): ProgramMemory {
  const contents = entries.map(({ kernel, problem }) => kernel.pack(problem));
  let address = align(READ_SLACK);
  const constants = contents.map((bytes) => {
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
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const bytes = new Uint8Array(memory.buffer);
  contents.forEach((content, i) => bytes.set(content, constants[i]));
  return { memory, pages, constants, scratch, scratchBytes, arena };
}
