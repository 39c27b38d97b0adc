import type { OperandKindName } from "./operand_kinds.ts";
import { AMX_INSTRUCTIONS } from "./amx_instructions.ts";
import { AVX512_INSTRUCTIONS } from "./avx512_instructions.ts";
import { GENERAL_INSTRUCTIONS } from "./general_instructions.ts";

/**
 * A form of an instruction, in the notation of Intel's manual (SDM volume 2, section 3.1.1): operands, what each of them
 * becomes, and the encoding. What operands become, a letter each: R the register field of ModRM, M its register or memory
 * field, V the vvvv field of VEX or EVEX, O the lower bits of the opcode, I an immediate, D a distance to a label.
 *
 * Encodings leave out the vector length, which operands say, and REX.W where it follows from registers of 64 bits.
 */
export type InstructionRow = readonly [
  name: string,
  operands: readonly OperandKindName[],
  roles: string,
  encoding: string,
];

/** The instructions of the assembler. Of several forms the first that takes the operands is used. */
export const INSTRUCTIONS = [...GENERAL_INSTRUCTIONS, ...AVX512_INSTRUCTIONS, ...AMX_INSTRUCTIONS] as const;

export type InstructionName = (typeof INSTRUCTIONS)[number][0];
