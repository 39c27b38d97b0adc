import type { InstructionRow } from "./instructions.ts";

/** AMX: tiles of up to 16 rows of 64 bytes, and their products of bytes. */
export const AMX_INSTRUCTIONS = [
  ["ldtilecfg", ["m"], "M", "VEX.0F38.W0 49 /0"],
  ["tilerelease", [], "", "VEX.0F38.W0 49 C0"],
  ["tilezero", ["t"], "R", "VEX.F2.0F38.W0 49 /r"],
  ["tileloadd", ["t", "sibmem"], "RM", "VEX.F2.0F38.W0 4B /r"],
  ["tilestored", ["sibmem", "t"], "MR", "VEX.F3.0F38.W0 4B /r"],
  ["tdpbssd", ["t", "t", "t"], "RMV", "VEX.F2.0F38.W0 5E /r"],
  ["tdpbsud", ["t", "t", "t"], "RMV", "VEX.F3.0F38.W0 5E /r"],
  ["tdpbusd", ["t", "t", "t"], "RMV", "VEX.66.0F38.W0 5E /r"],
  ["tdpbuud", ["t", "t", "t"], "RMV", "VEX.0F38.W0 5E /r"],
] as const satisfies readonly InstructionRow[];
