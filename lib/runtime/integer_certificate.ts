import { disassemble, findForbidden, type Forbidden } from "../../kernels/wasm/disassemble.ts";
import type { MachineCode } from "../../kernels/program.ts";
import { instructionsOf, isIntegerInstruction } from "../../kernels/x64/instructions_of.ts";
import { sha256 } from "../format/hash.ts";
import type { NetworkStep } from "../format/network.ts";
import type { Backend, IntegerEngine } from "./engine.ts";

/** What a search of a whole WebAssembly module, or of machine code, found. */
export interface IntegerCertificate {
  /** Of the module's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  readonly functions: number;
  readonly instructions: number;
  /** Every distinct instruction, sorted by name. */
  readonly opcodes: readonly string[];
  /** Float instructions, float types, integer divisions and remainders; empty for integer-only code. */
  readonly forbidden: readonly Forbidden[];
}

/**
 * Disassembles a module, every instruction of every function, and searches it for what integer-only code must not have.
 * @throws RangeError for bytes that are not a module of known instructions, which therefore proves nothing.
 */
export function certifyModule(module: Uint8Array): IntegerCertificate {
  const disassembly = disassemble(module);
  const names = disassembly.functions.flatMap(({ instructions }) => instructions.map(({ name }) => name));
  return {
    sha256: sha256(module),
    bytes: module.length,
    functions: disassembly.functions.length,
    instructions: names.length,
    opcodes: [...new Set<string>(names)].sort(),
    forbidden: findForbidden(disassembly),
  };
}

/**
 * Searches machine code, as it lies in executable memory, for what integer-only code must not have. Its instructions are
 * those that the assembler recorded; every byte is compared with what it made.
 * @throws RangeError for bytes that are not the assembler's, which therefore prove nothing.
 */
export function certifyMachineCode(codes: readonly MachineCode[]): IntegerCertificate {
  const bytes = new Uint8Array(codes.reduce((sum, code) => sum + code.bytes.length, 0));
  const found: { name: string; offset: number }[] = [];
  let functions = 0;
  let start = 0;
  for (const code of codes) {
    const listing = instructionsOf(code);
    bytes.set(code.bytes, start);
    for (const { name, offset } of listing.instructions) found.push({ name, offset: start + offset });
    functions += listing.functions;
    start += code.bytes.length;
  }
  return {
    sha256: sha256(bytes),
    bytes: bytes.length,
    functions,
    instructions: found.length,
    opcodes: [...new Set(found.map(({ name }) => name))].sort(),
    forbidden: found.filter(({ name }) => !isIntegerInstruction(name))
      .map(({ name, offset }) => ({ function: "machine code", offset, what: name })),
  };
}

const INTERPRETED: Backend = "scalar";

/** Steps of an engine that move or compute integers without a generated kernel: in TypeScript, which has only floats. */
export function interpretedSteps({ network, kernels }: IntegerEngine): NetworkStep[] {
  return network.steps.filter((_, i) => kernels[i] === INTERPRETED);
}
