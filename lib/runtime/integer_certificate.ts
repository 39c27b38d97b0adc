import { disassemble, findForbidden, type Forbidden } from "../../kernels/wasm/disassemble.ts";
import { sha256 } from "../format/hash.ts";
import type { NetworkStep } from "../format/network.ts";
import type { Backend, IntegerEngine } from "./engine.ts";

/** What a search of a whole WebAssembly module found. */
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

const INTERPRETED: Backend = "scalar";

/** Steps of an engine that move or compute integers without a generated kernel: in TypeScript, which has only floats. */
export function interpretedSteps({ network, kernels }: IntegerEngine): NetworkStep[] {
  return network.steps.filter((_, i) => kernels[i] === INTERPRETED);
}
