import type { InstructionRow } from "./instructions.ts";

/** Instructions of the general registers, control flow and CPUID: what the kernels use. */
export const GENERAL_INSTRUCTIONS = [
  ["mov", ["r/m", "r"], "MR", "89 /r"],
  ["mov", ["r", "m"], "RM", "8B /r"],
  ["mov", ["r32", "uimm32"], "OI", "B8+r id"],
  ["mov", ["r64", "imm32"], "MI", "REX.W C7 /0 id"],
  ["mov", ["r64", "imm64"], "OI", "REX.W B8+r iq"],
  ["add", ["r/m", "r"], "MR", "01 /r"],
  ["add", ["r", "imm8"], "MI", "83 /0 ib"],
  ["add", ["r", "imm32"], "MI", "81 /0 id"],
  ["sub", ["r/m", "r"], "MR", "29 /r"],
  ["sub", ["r", "imm8"], "MI", "83 /5 ib"],
  ["xor", ["r/m", "r"], "MR", "31 /r"],
  ["push", ["r64"], "O", "50+r"],
  ["pop", ["r64"], "O", "58+r"],
  ["prefetcht0", ["m"], "M", "0F 18 /1"],
  ["call", ["r64"], "M", "FF /2"],
  ["jne", ["label"], "D", "0F 85 cd"],
  ["ret", [], "", "C3"],
  ["syscall", [], "", "0F 05"],
  ["rdtsc", [], "", "0F 31"],
  ["cpuid", [], "", "0F A2"],
  ["xgetbv", [], "", "0F 01 D0"],
] as const satisfies readonly InstructionRow[];
