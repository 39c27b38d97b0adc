import type { MachineCode } from "../program.ts";
import { listingOf } from "./assembler.ts";

/** Instructions of a piece of machine code, all of them. */
export interface NativeDisassembly {
  readonly functions: number;
  readonly instructions: readonly { readonly name: string; readonly offset: number }[];
}

/**
 * The instructions of machine code as it lies in memory: what the assembler recorded when it made each piece, after every
 * byte has been compared with what it made.
 * @throws {RangeError} where a byte in memory is not the assembler's.
 */
export function instructionsOf({ bytes, pieces }: MachineCode): NativeDisassembly {
  const instructions: { name: string; offset: number }[] = [];
  const expected = new Uint8Array(bytes.length);
  for (const { offset, code } of pieces) {
    const listing = listingOf(code);
    if (listing === undefined || (listing.ends.at(-1) ?? 0) !== code.length) {
      throw new RangeError(`no assembler recorded the ${code.length} bytes of machine code at byte ${offset}`);
    }
    expected.set(code, offset);
    listing.names.forEach((name, i) => instructions.push({ name, offset: offset + (listing.ends[i - 1] ?? 0) }));
  }
  const differing = bytes.findIndex((byte, i) => byte !== expected[i]);
  if (differing >= 0) throw new RangeError(`byte ${differing} of the machine code is not what the assembler made`);
  return { functions: pieces.length, instructions };
}

/** General registers, control flow, system calls, and what only asks for memory. */
const GENERAL: ReadonlySet<string> = new Set([
  ...["mov", "add", "sub", "imul", "xor", "and", "or", "shl", "shr", "sar", "lea", "cmp", "test", "movzx", "movsx"],
  ...["push", "pop", "call", "ret", "jmp", "jne", "je", "jb", "jae", "jl", "jge", "pause", "rdtsc", "prefetcht0"],
]);

/**
 * Packed integers: names that begin with vp, but permutations of floats and of what doubles hold; moves;
 * masks; tiles of bytes.
 */
const PACKED = /^(vp(?!erm\w*p[sd]$)\w+|vmovdqu\d*|valign[dq]|vzeroupper|kmov[bwdq]|ldtilecfg|tile\w+|tdpb[su]{2}d)$/;

/** Whether an instruction computes on, or moves, integers only, and divides nothing. What is not known is not. */
export function isIntegerInstruction(name: string): boolean {
  return GENERAL.has(name) || PACKED.test(name);
}
