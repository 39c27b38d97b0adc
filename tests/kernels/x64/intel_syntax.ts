import type { OperandKind } from "../../../kernels/x64/operand_kinds.ts";
import type { Masking, Memory, Operand } from "../../../kernels/x64/operands.ts";

const GENERAL_64 = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const GENERAL_32 = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const VECTOR_NAMES = { 128: "xmm", 256: "ymm", 512: "zmm" } as const;

/** The operand as GNU as reads it after `.intel_syntax noprefix`; labels have the name of their place. */
export function intelSyntax(operand: Operand, kind: OperandKind, vectorBits: number): string {
  if (typeof operand !== "object") return String(operand);
  switch (operand.kind) {
    case "label":
      return "start";
    case "general":
      return (operand.bits === 64 ? GENERAL_64 : GENERAL_32)[operand.number];
    case "mask":
      return `k${operand.number}`;
    case "tile":
      return `tmm${operand.number}`;
    case "vector":
      return `${VECTOR_NAMES[operand.bits]}${operand.number}${maskText(operand.masking)}`;
    case "memory":
      return `${addressText(operand)}${broadcastText(operand, kind, vectorBits)}${maskText(operand.masking)}`;
  }
}

function addressText({ base, index, scale, displacement }: Memory): string {
  const scaled = index === undefined ? "" : `+${indexText(index)}*${scale}`;
  const distance = displacement === 0 ? "" : displacement < 0 ? String(displacement) : `+${displacement}`;
  return `[${GENERAL_64[base.number]}${scaled}${distance}]`;
}

function indexText(index: NonNullable<Memory["index"]>): string {
  return index.kind === "general" ? GENERAL_64[index.number] : `${VECTOR_NAMES[index.bits]}${index.number}`;
}

function broadcastText(operand: Memory, kind: OperandKind, vectorBits: number): string {
  return operand.broadcast && kind.broadcast !== undefined ? `{1to${vectorBits / 8 / kind.broadcast}}` : "";
}

function maskText(masking: Masking | undefined): string {
  return masking === undefined ? "" : `{k${masking.register.number}}${masking.zeroing ? "{z}" : ""}`;
}
