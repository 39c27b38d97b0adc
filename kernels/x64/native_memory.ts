/**
 * Memory outside of the JavaScript heap, and machine code in it: the one file of the kernels that uses Deno, for its
 * foreign functions (`--allow-ffi`). Memory is writable or executable, never both, and stands between pages that nothing
 * may touch, so that an access beyond it ends the program instead of changing something.
 */

const PAGE = 4096;
/** Vectors of 512 bits, a cache line. */
const ALIGNMENT = 64;
/** Beyond this no ArrayBuffer can be. */
const BYTES_MAX = 2 ** 32;

/** mmap(2), mprotect(2): constants of Linux on x86-64. */
const PROT_NONE = 0;
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE = 0x02;
const MAP_ANONYMOUS = 0x20;
const MAP_FAILED = 2n ** 64n - 1n;

const SYMBOLS = {
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
  mprotect: { parameters: ["usize", "usize", "i32"], result: "i32" },
  munmap: { parameters: ["usize", "usize"], result: "i32" },
} as const;

let library: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

/** The functions of the C library; it stays open, as the program's own is. */
function systemCalls(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  const { os, arch } = Deno.build;
  if (os !== "linux" || arch !== "x86_64") {
    throw new Error(`native code is for Linux on x86-64; this is ${os} on ${arch}`);
  }
  return library ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** Pages of their own between two that nothing may touch. */
interface Region {
  readonly start: bigint;
  readonly bytes: number;
}

function reserve(bytes: number): Region {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > BYTES_MAX) {
    throw new RangeError(`native memory is of 1 to ${BYTES_MAX} bytes, found ${bytes}`);
  }
  const inside = Math.ceil(bytes / PAGE) * PAGE;
  const mapped = inside + 2 * PAGE;
  const { mmap } = systemCalls();
  const address = BigInt(mmap(0n, BigInt(mapped), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n));
  if (address === MAP_FAILED) throw new RangeError(`no memory for ${bytes} bytes`);
  const region = { start: address + BigInt(PAGE), bytes: inside };
  protect(region, PROT_READ | PROT_WRITE);
  return region;
}

function protect({ start, bytes }: Region, protection: number): void {
  if (systemCalls().mprotect(start, BigInt(bytes), protection) !== 0) {
    throw new Error(`the system refuses memory of protection ${protection} (PROT_EXEC is ${PROT_EXEC})`);
  }
}

function release({ start, bytes }: Region): void {
  if (systemCalls().munmap(start - BigInt(PAGE), BigInt(bytes + 2 * PAGE)) !== 0) {
    throw new Error(`native memory at ${start} cannot be given back`);
  }
}

/** The memory as an ArrayBuffer, which must be detached before the memory goes. */
function viewOf(address: bigint, bytes: number): Uint8Array<ArrayBuffer> {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null) throw new Error("native memory at address 0");
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, bytes));
}

/** Native memory for data. */
export interface NativeBuffer extends Disposable {
  readonly address: bigint;
  /** The memory itself, zero at first; without length once the buffer is disposed of. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Memory of this many bytes, 64-byte aligned, its end as close before the untouchable page as that allows.
 * @throws {RangeError} for a size out of range, or more than there is.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`; {Error} where there is no native code.
 */
export function allocateNative(bytes: number): NativeBuffer {
  const region = reserve(bytes);
  const address = region.start + BigInt(region.bytes - Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  const view = viewOf(address, bytes);
  return {
    address,
    bytes: view,
    [Symbol.dispose]() {
      if (view.buffer.detached) return;
      view.buffer.transfer(0);
      release(region);
    },
  };
}

/** Calls a native function of addresses. */
export type NativeCall = (...addresses: readonly bigint[]) => void;

/** Machine code that can be called. */
export interface NativeCode extends Disposable {
  /** Of its first byte. */
  readonly address: bigint;
  /**
   * The function that starts at this byte of the code and takes this many addresses (System V calling convention).
   * @throws {RangeError} for a byte outside of the code.
   */
  functionAt(offset: number, parameters: number): NativeCall;
  /** A copy of the code as it lies in executable memory. */
  read(): Uint8Array<ArrayBuffer>;
}

/**
 * Copies code into memory that is executable and never writable again.
 * @throws {RangeError} for no code, or more than there is memory.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`; {Error} where there is no native code, or the system refuses.
 */
export function loadNative(code: Uint8Array): NativeCode {
  const region = reserve(code.length);
  const view = viewOf(region.start, code.length);
  view.set(code);
  view.buffer.transfer(0);
  protect(region, PROT_READ | PROT_EXEC);
  let isLoaded = true;
  return {
    address: region.start,
    functionAt(offset, parameters) {
      if (!Number.isInteger(offset) || offset < 0 || offset >= code.length) {
        throw new RangeError(`no function starts at byte ${offset} of ${code.length} bytes of code`);
      }
      const definition = { parameters: Array<"usize">(parameters).fill("usize"), result: "void" } as const;
      const pointer = Deno.UnsafePointer.create<typeof definition>(region.start + BigInt(offset));
      if (pointer === null) throw new Error("native code at address 0");
      const target = new Deno.UnsafeFnPointer(pointer, definition);
      return (...addresses) => {
        if (!isLoaded) throw new Error("this native code was given back");
        if (addresses.length !== parameters) {
          throw new RangeError(`${parameters} addresses expected, found ${addresses.length}`);
        }
        target.call(...addresses);
      };
    },
    read() {
      if (!isLoaded) throw new Error("this native code was given back");
      const copy = new Uint8Array(code.length);
      Deno.UnsafePointerView.copyInto(Deno.UnsafePointer.create(region.start)!, copy); // no region is at address 0
      return copy;
    },
    [Symbol.dispose]() {
      if (isLoaded) release(region);
      isLoaded = false;
    },
  };
}

/**
 * The address of memory that JavaScript owns. It holds while the buffer is alive and keeps its place, as the memory of a
 * WebAssembly module does that never grows.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`.
 */
export function addressOf(bytes: Uint8Array): bigint {
  // Deno gives the address of shared memory as well, which its type leaves out.
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>));
}

/**
 * The function without parameters at this address, which some thread of this program has loaded and keeps.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`.
 */
export function loadedFunction(address: bigint): () => void {
  const definition = { parameters: [], result: "void" } as const;
  const pointer = Deno.UnsafePointer.create<typeof definition>(address);
  if (pointer === null) throw new Error("native code at address 0");
  const target = new Deno.UnsafeFnPointer(pointer, definition);
  return () => target.call();
}

/** Whether `--allow-ffi` was granted; nobody is asked. */
export function mayUseNative(): boolean {
  return Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}
