import type { Problem, WasmKernel } from "../kernel.ts";
import { loadModule, type MachineCode, type Program, type ProgramCall, weightReplacer } from "../program.ts";
import { align, allocateProgram } from "../program_layout.ts";
import { Assembler } from "./assembler.ts";
import { outputForm } from "./convolution/channel_block.ts";
import { PARAMETERS } from "./kernel_function.ts";
import type { NativeKernel } from "./native_kernel.ts";
import { addressOf, allocateNative, loadNative, type NativeBuffer, type NativeCode } from "./native_memory.ts";
import { low32, memory, rax, rcx, rdx, rsp } from "./operands.ts";

/** One piece of work of a program, by native code or by WebAssembly. */
export interface NativeEntry {
  readonly kernel: NativeKernel | WasmKernel;
  readonly problem: Problem;
}

/** Gives machine code back when nothing can call it any more. */
const UNUSED = new FinalizationRegistry<NativeCode>((code) => code[Symbol.dispose]());

/** The same, with the memory of time stamps. */
const STAMPED = new FinalizationRegistry<{ code: NativeCode; buffer: NativeBuffer }>(({ code, buffer }) => {
  code[Symbol.dispose]();
  buffer[Symbol.dispose]();
});

/**
 * A program in which native kernels and WebAssembly kernels share one memory: that of a WebAssembly module, which never
 * grows and so keeps its place, and behind which engines reserve pages that nothing may touch. Native kernels that follow
 * each other are one call of generated code. Several threads call native code at its address; WebAssembly is the first
 * one's.
 * @throws RangeError when it needs more memory than WebAssembly, or the machine, has.
 * @throws {Error} where there is no native code.
 */
export function buildNativeProgram(entries: readonly NativeEntry[], arenaBytes: number, threads = 1): Program {
  const place = allocateProgram(entries, arenaBytes, threads);
  const { constants, scratch, arena } = place;
  const base = addressOf(new Uint8Array(place.memory.buffer));

  const wasmEntries = entries.flatMap(({ kernel, problem }, entry) =>
    "emit" in kernel ? [{ kernel, problem, entry }] : []
  );
  const module = wasmEntries.length === 0 ? undefined : loadModule(wasmEntries, place);
  const wasmFunctions = new Map(wasmEntries.map(({ entry }, i) => [entry, module!.calls[i]]));

  const codes = generateAll(entries);
  const library = join(codes.filter((code) => code !== undefined));
  const native = library.bytes.length === 0 ? undefined : loadNative(library.bytes);

  /**
   * Position-independent code that calls native kernels in turn, on absolute addresses, and writes time stamps before the
   * first and after each of them to `stamps`, where that is an address.
   */
  function callsOf(calls: readonly ProgramCall[], stamps?: bigint): Uint8Array {
    const assembler = new Assembler();
    let next = stamps;
    const stamp = (): void => {
      if (next === undefined) return;
      assembler.emit("rdtsc").emit("mov", rcx, next);
      assembler.emit("mov", memory(rcx), low32(rax)).emit("mov", memory(rcx, 4), low32(rdx));
      next += 8n;
    };
    stamp();
    for (const { entry, output, inputs, thread = 0 } of calls) {
      const addresses = [constants[entry], scratch[thread], output, ...inputs].map((address) => base + BigInt(address));
      const onStack = addresses.slice(PARAMETERS.length);
      for (const address of onStack.toReversed()) assembler.emit("mov", rax, address).emit("push", rax);
      addresses.slice(0, PARAMETERS.length).forEach((address, i) => assembler.emit("mov", PARAMETERS[i], address));
      const target = native!.address + BigInt(library.offsets.get(codes[entry]!)!);
      assembler.emit("mov", rax, target).emit("call", rax);
      if (onStack.length > 0) assembler.emit("add", rsp, 8 * onStack.length);
      stamp();
    }
    return assembler.emit("ret").finish();
  }

  function runWasm(calls: readonly ProgramCall[]): void {
    for (const { entry, output, inputs, thread = 0 } of calls) {
      wasmFunctions.get(entry)!(constants[entry], scratch[thread], output, ...inputs);
    }
  }

  const readers: (() => MachineCode)[] = [];
  if (native !== undefined) readers.push(() => ({ bytes: native.read(), pieces: library.pieces }));
  const program: Program = {
    bytes: module?.bytes,
    memory: place.memory,
    arena,
    replaceWeights: weightReplacer(entries, place),
    machineCode: () => readers.map((read) => read()),
    linkStamped(sequence) {
      if (sequence.some(({ entry }) => wasmFunctions.has(entry))) return undefined;
      const buffer = allocateNative(8 * (sequence.length + 1));
      const stamps = new BigUint64Array(buffer.bytes.buffer, buffer.bytes.byteOffset, sequence.length + 1);
      const code = loadNative(callsOf(sequence, buffer.address));
      const run = code.functionAt(0, 0);
      const owner = { program, stamps };
      STAMPED.register(owner, { code, buffer });
      return () => {
        run();
        return owner.stamps;
      };
    },
    link(sequences) {
      const runs = sequences.map((sequence) => runsOf(sequence, ({ entry }) => wasmFunctions.has(entry)));
      const sections = runs.flat().flatMap((run) => run.isWasm ? [] : [callsOf(run.calls)]);
      const linked = join(sections);
      const code = linked.bytes.length === 0 ? undefined : loadNative(linked.bytes);
      let next = 0;
      const parts = runs.map((ofSequence) =>
        ofSequence.map(({ isWasm, calls }): () => void =>
          isWasm ? () => runWasm(calls) : code!.functionAt(linked.offsets.get(sections[next++])!, 0)
        )
      );
      if (code !== undefined) readers.push(() => ({ bytes: code.read(), pieces: linked.pieces }));
      const owner = { program, parts };
      if (code !== undefined) UNUSED.register(owner, code);
      return parts.map((_, i) => () => {
        for (const part of owner.parts[i]) part();
      });
    },
    share(sequences) {
      if (sequences.flat().some(({ entry }) => wasmFunctions.has(entry))) {
        throw new RangeError("other threads have no WebAssembly kernels of a native program");
      }
      const sections = sequences.map((calls) => callsOf(calls));
      const shared = join(sections);
      const code = loadNative(shared.bytes);
      UNUSED.register(program, code);
      readers.push(() => ({ bytes: code.read(), pieces: shared.pieces }));
      return {
        kind: "native",
        functions: sections.map((section) => code.address + BigInt(shared.offsets.get(section)!)),
      };
    },
  };
  if (native !== undefined) UNUSED.register(program, native);
  return program;
}

/** The code of every native entry, generated once for all that differ only in values which no code depends on. */
function generateAll(entries: readonly NativeEntry[]): (Uint8Array | undefined)[] {
  const known = new Map<string, Uint8Array>();
  return entries.map(({ kernel, problem }) => {
    if (!("generate" in kernel)) return undefined;
    const sizes = JSON.stringify(problem, (_, value) => ArrayBuffer.isView(value) ? value.byteLength : value);
    const form = problem.kind === "convolution" || problem.kind === "convolution_sum" ? outputForm(problem) : "";
    const key = `${kernel.name} ${form} ${sizes}`;
    const code = known.get(key) ?? kernel.generate(problem);
    known.set(key, code);
    return code;
  });
}

/** Calls that follow each other and are all of WebAssembly, or all native. */
interface Run {
  readonly isWasm: boolean;
  readonly calls: ProgramCall[];
}

function runsOf(sequence: readonly ProgramCall[], isWasm: (call: ProgramCall) => boolean): Run[] {
  const runs: Run[] = [];
  for (const call of sequence) {
    const last = runs.at(-1);
    if (last?.isWasm === isWasm(call)) last.calls.push(call);
    else runs.push({ isWasm: isWasm(call), calls: [call] });
  }
  return runs;
}

interface Joined {
  readonly bytes: Uint8Array;
  readonly offsets: ReadonlyMap<Uint8Array, number>;
  /** Those that `bytes` holds. */
  readonly pieces: MachineCode["pieces"];
}

/** Pieces of code one after the other, each on a cache line of its own; equal pieces once. */
function join(pieces: readonly Uint8Array[]): Joined {
  const offsetByText = new Map<string, number>();
  const offsets = new Map<Uint8Array, number>();
  const distinct: { offset: number; code: Uint8Array }[] = [];
  let end = 0;
  for (const piece of pieces) {
    const text = piece.join();
    const known = offsetByText.get(text);
    offsets.set(piece, known ?? end);
    if (known !== undefined) continue;
    offsetByText.set(text, end);
    distinct.push({ offset: end, code: piece });
    end = align(end + piece.length);
  }
  const bytes = new Uint8Array(end);
  for (const [piece, offset] of offsets) bytes.set(piece, offset);
  return { bytes, offsets, pieces: distinct };
}
