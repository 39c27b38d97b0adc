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
  /** It never grows, so it keeps its place. Shared with Workers where there are several threads. */
  readonly memory: WebAssembly.Memory;
  /** Of 64 KiB. */
  readonly pages: number;
  readonly isShared: boolean;
  /** Of each entry, in place. */
  readonly constants: readonly number[];
  /** Of each thread, in place. */
  readonly scratch: readonly number[];
  /** Of one thread. */
  readonly scratchBytes: number;
  readonly arena: number;
}

export function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/**
 * Makes a memory of
 *
 *     [slack] constants of every entry | scratch of each thread, shared by all entries | arena | [slack]
 *
 * with the constants in it. With several threads, entries of equal constants share them: parts of one problem do.
 * @throws RangeError when that is more than WebAssembly, or the machine, has.
 */
export function allocateProgram(entries: readonly PlacedEntry[], arenaBytes: number, threads = 1): ProgramMemory {
  const isShared = threads > 1;
  const contents = isShared ? packedOnce(entries) : entries.map(({ kernel, problem }) => kernel.pack(problem));
  let address = align(READ_SLACK);
  const placed = new Map<Uint8Array, number>();
  const constants = contents.map((bytes) => {
    const known = placed.get(bytes);
    if (known !== undefined) return known;
    const at = address;
    placed.set(bytes, at);
    address = align(at + bytes.length + READ_SLACK);
    return at;
  });
  const scratchBytes = entries.reduce((most, { kernel, problem }) => Math.max(most, kernel.scratchBytes(problem)), 0);
  const scratch = Array.from({ length: threads }, () => {
    const at = address;
    address = align(at + scratchBytes + READ_SLACK);
    return at;
  });
  const arena = address;
  const memoryBytes = arena + arenaBytes + READ_SLACK;
  if (!(memoryBytes <= MEMORY_BYTES_MAX)) {
    throw new RangeError(`needs ${memoryBytes} bytes of memory, WebAssembly has at most ${MEMORY_BYTES_MAX}`);
  }
  const pages = Math.ceil(memoryBytes / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: isShared });
  const bytes = new Uint8Array(memory.buffer);
  for (const [content, at] of placed) bytes.set(content, at);
  return { memory, pages, isShared, constants, scratch, scratchBytes, arena };
}

/** The constants of all entries, equal ones of one kernel as the same array. */
function packedOnce(entries: readonly PlacedEntry[]): Uint8Array[] {
  const known = new Map<PlacedEntry["kernel"], Uint8Array[]>();
  return entries.map(({ kernel, problem }) => {
    const bytes = kernel.pack(problem);
    const others = known.get(kernel) ?? [];
    const equal = others.find((other) => areEqual(other, bytes));
    if (equal === undefined) known.set(kernel, [...others, bytes]);
    return equal ?? bytes;
  });
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
