import { Assembler } from "./assembler.ts";
import { allocateNative, loadNative, mayUseNative } from "./native_memory.ts";
import { low32, memory, rax, rbx, rcx, rdi, rdx, rsi } from "./operands.ts";

/** What CPUID answers to a leaf and subleaf. */
export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export type Cpuid = (leaf: number, subleaf: number) => CpuidRegisters;

/** Register state that the system must save for a feature to be usable: bits of XCR0 (SDM volume 1, section 13.1). */
const AVX_STATE = 0x6;
const AVX512_STATE = AVX_STATE | 0xe0;
const TILE_STATE = 0x60000;

/** Name as in Linux's /proc/cpuinfo, leaf, subleaf, register and bit of CPUID (SDM volume 2, CPUID), state. */
const FEATURES = [
  ["fma", 1, 0, "ecx", 12, AVX_STATE],
  ["avx2", 7, 0, "ebx", 5, AVX_STATE],
  ["avx_vnni", 7, 1, "eax", 4, AVX_STATE],
  ["avx512f", 7, 0, "ebx", 16, AVX512_STATE],
  ["avx512cd", 7, 0, "ebx", 28, AVX512_STATE],
  ["avx512dq", 7, 0, "ebx", 17, AVX512_STATE],
  ["avx512bw", 7, 0, "ebx", 30, AVX512_STATE],
  ["avx512vl", 7, 0, "ebx", 31, AVX512_STATE],
  ["avx512_vnni", 7, 0, "ecx", 11, AVX512_STATE],
  ["avx512vbmi", 7, 0, "ecx", 1, AVX512_STATE],
  ["avx512_vpopcntdq", 7, 0, "ecx", 14, AVX512_STATE],
  ["amx_tile", 7, 0, "edx", 24, TILE_STATE],
  ["amx_int8", 7, 0, "edx", 25, TILE_STATE],
] as const satisfies readonly (readonly [string, number, number, keyof CpuidRegisters, number, number])[];

export type CpuFeature = (typeof FEATURES)[number][0];

export interface Processor {
  /** What the processor calls itself. */
  readonly brand: string;
  /** What both processor and system support, in the order of the list above. */
  readonly features: readonly CpuFeature[];
}

/** Leaf 1, ecx: the system has switched XGETBV on. */
const OSXSAVE = 1 << 27;

/**
 * Reads what CPUID says; `readXcr0` is only called where the instruction XGETBV exists, and `requestTiles` only where
 * there are tiles: whether the system lets this process use them.
 */
export function describeProcessor(cpuid: Cpuid, readXcr0: () => number, requestTiles: () => boolean): Processor {
  const leafMax = cpuid(0, 0).eax;
  const subleafMax = leafMax >= 7 ? cpuid(7, 0).eax : 0;
  const state = leafMax >= 1 && (cpuid(1, 0).ecx & OSXSAVE) !== 0 ? readXcr0() : 0;
  const supported = FEATURES.filter(([, leaf, subleaf, register, bit, needed]) =>
    leaf <= leafMax && subleaf <= subleafMax && (cpuid(leaf, subleaf)[register] >>> bit & 1) === 1 &&
    (state & needed) === needed
  );
  const refused = supported.some(([, , , , , needed]) => needed === TILE_STATE) && !requestTiles() ? TILE_STATE : 0;
  const features = supported.filter(([, , , , , needed]) => (needed & refused) === 0).map(([name]) => name);
  return { brand: brandOf(cpuid), features };
}

const EXTENDED = 0x80000000;

/** The processor's name, 48 bytes in three leaves; the vendor's where it has none. */
function brandOf(cpuid: Cpuid): string {
  if (cpuid(EXTENDED, 0).eax >>> 0 < EXTENDED + 4) {
    const { ebx, edx, ecx } = cpuid(0, 0);
    return textOf([ebx, edx, ecx]);
  }
  return textOf([2, 3, 4].flatMap((leaf) => {
    const { eax, ebx, ecx, edx } = cpuid(EXTENDED + leaf, 0);
    return [eax, ebx, ecx, edx];
  }));
}

function textOf(words: readonly number[]): string {
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  return new TextDecoder().decode(bytes).replace(/\0.*$/s, "").trim();
}

/**
 * The processor that this program runs on, asked by generated code. Where it has tiles, this process may use them from
 * then on: without permission they fault (Linux, Documentation/arch/x86/xstate.rst).
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`; {Error} where there is no native code.
 */
export function thisProcessor(): Processor {
  using registers = allocateNative(6 * Uint32Array.BYTES_PER_ELEMENT);
  const words = new Uint32Array(registers.bytes.buffer, registers.bytes.byteOffset, 6);
  const cpuidCode = cpuidFunction();
  using native = loadNative(Uint8Array.of(...cpuidCode, ...xgetbvFunction()));
  const runCpuid = native.functionAt(0, 1);
  const runXgetbv = native.functionAt(cpuidCode.length, 1);
  return describeProcessor(
    (leaf, subleaf) => {
      words.set([leaf, subleaf]);
      runCpuid(registers.address);
      const [, , eax, ebx, ecx, edx] = words;
      return { eax, ebx, ecx, edx };
    },
    () => {
      runXgetbv(registers.address);
      return words[2];
    },
    requestTiles,
  );
}

/**
 * Asks Linux for the use of tiles in this process: whether it is granted, as it never is without tiles.
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`; {Error} where there is no native code.
 */
export function requestTiles(): boolean {
  using registers = allocateNative(Int32Array.BYTES_PER_ELEMENT);
  using native = loadNative(requestTilesFunction());
  native.functionAt(0, 1)(registers.address);
  return new Int32Array(registers.bytes.buffer, registers.bytes.byteOffset, 1)[0] === 0;
}

let known: readonly CpuFeature[] | undefined;

/** The features of this processor, found out once; none where native code is not allowed, or there is none. */
export function featuresHere(): readonly CpuFeature[] {
  return known ??= findFeatures();
}

function findFeatures(): readonly CpuFeature[] {
  if (!mayUseNative()) return [];
  try {
    return thisProcessor().features;
  } catch {
    return []; // whatever the system refuses: `nativeStatus` of lib/runtime says what
  }
}

/** (words) -> (): CPUID of leaf words[0] and subleaf words[1] into words[2..5]. */
function cpuidFunction(): Uint8Array {
  const [eax, ebx, ecx, edx] = [rax, rbx, rcx, rdx].map(low32);
  return new Assembler()
    .emit("push", rbx)
    .emit("mov", eax, memory(rdi, 0))
    .emit("mov", ecx, memory(rdi, 4))
    .emit("cpuid")
    .emit("mov", memory(rdi, 8), eax)
    .emit("mov", memory(rdi, 12), ebx)
    .emit("mov", memory(rdi, 16), ecx)
    .emit("mov", memory(rdi, 20), edx)
    .emit("pop", rbx)
    .emit("ret")
    .finish();
}

/** (words) -> (): the lower half of XCR0 into words[2]. */
function xgetbvFunction(): Uint8Array {
  const [eax, ecx] = [rax, rcx].map(low32);
  return new Assembler()
    .emit("xor", ecx, ecx)
    .emit("xgetbv")
    .emit("mov", memory(rdi, 8), eax)
    .emit("ret")
    .finish();
}

/** The system call arch_prctl, its request of permission for a state component, and that of tile data (asm/prctl.h). */
const SYS_ARCH_PRCTL = 158;
const ARCH_REQ_XCOMP_PERM = 0x1023;
const XFEATURE_XTILEDATA = 18;

/** (word) -> (): asks for the use of tiles; 0, or the error, into word[0]. The system clobbers rcx and r11. */
function requestTilesFunction(): Uint8Array {
  return new Assembler()
    .emit("push", rdi)
    .emit("mov", low32(rax), SYS_ARCH_PRCTL)
    .emit("mov", low32(rdi), ARCH_REQ_XCOMP_PERM)
    .emit("mov", low32(rsi), XFEATURE_XTILEDATA)
    .emit("syscall")
    .emit("pop", rdi)
    .emit("mov", memory(rdi, 0), low32(rax))
    .emit("ret")
    .finish();
}
