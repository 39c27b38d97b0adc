import { areTilesDistinct } from "../../../kernels/x64/encode.ts";
import { type InstructionName, INSTRUCTIONS } from "../../../kernels/x64/instructions.ts";
import { memoryBytes, OPERAND_KINDS, type OperandKind } from "../../../kernels/x64/operand_kinds.ts";
import * as x64 from "../../../kernels/x64/operands.ts";
import type { Immediate, Operand, VectorBits } from "../../../kernels/x64/operands.ts";
import { intelSyntax } from "./intel_syntax.ts";

/** An instruction with operands, and its text for GNU as. */
export interface Sample {
  readonly name: InstructionName;
  readonly operands: readonly Operand[];
  readonly text: string;
}

interface Widths {
  readonly general: 32 | 64;
  readonly vector: VectorBits;
  /** Unit of displacements of 8 bits where the instruction has an EVEX prefix. */
  readonly isEvex: boolean;
}

const { rax, rcx, rbx, rsp, rbp, r9, r12, r13, r14, r15 } = x64;
const GENERAL_64 = [rax, rsp, rbp, x64.rdi, x64.r8, r12, r13, r15];
const VECTOR_NUMBERS = [0, 7, 8, 16, 31];

/** Every form of every instruction with operands at the edges of their encodings: one at its edge at a time. */
export function samples(): Sample[] {
  const found = new Map<string, Sample>();
  for (const [name, kindNames, , encoding] of INSTRUCTIONS) {
    const kinds: readonly OperandKind[] = kindNames.map((kind) => OPERAND_KINDS[kind]);
    const isEvex = encoding.startsWith("EVEX");
    for (const widths of widthsOf(kinds, isEvex)) {
      const edges = kinds.map((kind) => edgesOf(kind, widths));
      // Each operand takes another ordinary value, so that none can stand for another.
      const ordinary = edges.map((values, i) => values[(i + 1) % values.length]);
      const cases = [ordinary, ...edges.flatMap((values, i) => values.map((value) => ordinary.with(i, value)))];
      for (
        const operands of cases.filter((operands) => areTilesDistinct(operands) && !hasShorterEncoding(name, operands))
      ) {
        const texts = operands.map((operand, i) => intelSyntax(operand, kinds[i], widths.vector));
        const prefix = isEvex ? "{evex} " : kinds.some(({ label }) => label) ? "{disp32} " : "";
        const text = `${prefix}${name} ${texts.join(", ")}`.trim();
        found.set(text, { name, operands, text });
      }
    }
  }
  return [...found.values()];
}

function widthsOf(kinds: readonly OperandKind[], isEvex: boolean): Widths[] {
  if (kinds.some(({ only }) => only === 512)) return [{ general: 64, vector: 512, isEvex }];
  if (kinds.some(({ register }) => register === "vector")) {
    return ([128, 256, 512] as const).map((vector) => ({ general: 64, vector, isEvex }));
  }
  const isAnyWidth = kinds.some(({ register }) => register === "any");
  return (isAnyWidth ? [32, 64] as const : [64] as const).map((general) => ({ general, vector: 128, isEvex }));
}

function edgesOf(kind: OperandKind, widths: Widths): Operand[] {
  return [...registersOf(kind, widths), ...memoriesOf(kind, widths), ...immediatesOf(kind), ...labelsOf(kind)];
}

function registersOf({ register, share, masking, needsMask }: OperandKind, { general, vector }: Widths): Operand[] {
  if (register === undefined) return [];
  if (register === "mask") return [x64.k(1), x64.k(7)];
  if (register === "tile") return [x64.tmm(0), x64.tmm(3), x64.tmm(5), x64.tmm(7)];
  if (register === "vector" || register === "xmm") {
    const bits = register === "xmm" ? 128 : Math.max(128, vector / (share ?? 1));
    const plain = VECTOR_NUMBERS.map(bits === 512 ? x64.zmm : bits === 256 ? x64.ymm : x64.xmm);
    if (needsMask) return plain.map((vector, i) => x64.masked(vector, x64.k(1 + i)));
    return masking ? [...plain, x64.masked(plain[1], x64.k(1)), x64.zeroed(plain[2], x64.k(7))] : plain;
  }
  return GENERAL_64.map((full) => (register === "any" ? general : register) === 64 ? full : x64.low32(full));
}

function memoriesOf(kind: OperandKind, widths: Widths): Operand[] {
  if (kind.memory === undefined) return [];
  if (kind.vectorIndex) return indexedMemories(widths);
  const unit = widths.isEvex ? memoryBytes(kind, x64.memory(rax), widths.vector) ?? 1 : 1;
  const element = kind.broadcast ?? 0;
  const masked = kind.masking ? [x64.masked(x64.memory(r12, 1), x64.k(1)), x64.masked(x64.memory(rsp), x64.k(7))] : [];
  const bounds = [x64.memory(rbp), x64.memory(r13, 127 * unit, r9, 4), x64.memory(rax, 128 * unit), ...masked];
  const broadcasts = element === 0 ? [] : [
    x64.memory(r13, 127 * element, r9, 4),
    x64.memory(r12, 128 * element),
    x64.memory(rsp, 1),
  ].map(x64.broadcast);
  // Addresses are encoded alike for all vectors; the unit of their displacements differs.
  if (widths.isEvex && widths.vector !== 512) return [...bounds, ...broadcasts];
  return [
    ...bounds,
    ...broadcasts,
    ...[rax, rsp, r12, r13].map((base) => x64.memory(base)),
    x64.memory(rbx, 0, rcx),
    x64.memory(rbp, 0, r12, 2),
    x64.memory(r13, unit, r14, 8),
    x64.memory(rsp, 127 * unit, r15, 4),
    x64.memory(rcx, -128 * unit),
    x64.memory(r9, -129 * unit),
    x64.memory(r12, 1),
    x64.memory(rax, 2 ** 31 - 1, rbp, 2),
    x64.memory(rax, -(2 ** 31)),
  ];
}

/** Vectors of indices, none of them a vector of `registersOf`: a gather's destination is not its index. */
function indexedMemories({ vector }: Widths): Operand[] {
  const index = vector === 512 ? x64.zmm : vector === 256 ? x64.ymm : x64.xmm;
  return [
    x64.memory(rax, 0, index(4)),
    x64.memory(rbp, 0, index(12), 2),
    x64.memory(r13, 127 * 4, index(20), 4),
    x64.memory(rsp, 128 * 4, index(28), 8),
    x64.memory(r12, 1, index(15)),
  ];
}

function immediatesOf({ immediate }: OperandKind): Operand[] {
  if (immediate === undefined) return [];
  const [low, high] = immediate;
  const values: Immediate[] = [low, high, 0, 3, 63, 127, 128, -129, 2 ** 31];
  return values.filter((value) => value >= low && value <= high);
}

function labelsOf({ label }: OperandKind): Operand[] {
  return label ? [{ kind: "label" }] : [];
}

/** GNU as has a shorter encoding of long immediates that are added to rax, which the assembler does without. */
function hasShorterEncoding(name: string, operands: readonly Operand[]): boolean {
  const [first, second] = operands;
  const isAccumulator = typeof first === "object" && first.kind === "general" && first.number === 0;
  const isLong = typeof second === "number" && (second < -128 || second > 127);
  return name === "add" && isAccumulator && isLong;
}
