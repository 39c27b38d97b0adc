import type {
  GeneralRegister,
  Immediate,
  Label,
  MaskRegister,
  Memory,
  Operand,
  TileRegister,
  VectorRegister,
} from "./operands.ts";

/** What an operand of an instruction may be. */
export interface OperandKind {
  /**
   * The register that it may be: `any` is 32 or 64 bits wide, all operands of the instruction alike. `vector` has the
   * length of the instruction, divided by `share`.
   */
  readonly register?: "any" | 32 | 64 | "vector" | "xmm" | "mask" | "tile";
  readonly share?: 2 | 4;
  /** The one length that the instruction has. */
  readonly only?: 512;
  /** The bytes of memory that it may be; `vector` stands for the length of the instruction, divided by `share`. */
  readonly memory?: "any" | "vector" | number;
  /** The memory is encoded with a SIB byte, whose index is the distance of rows, even where it has no index. */
  readonly sib?: true;
  /** The index is a vector of the instruction's length. */
  readonly vectorIndex?: true;
  /** Bytes of the one element that may stand for all. */
  readonly broadcast?: 4 | 8;
  /** It may be masked; memory is never zeroed. */
  readonly masking?: true;
  /** It has to be masked, and is never zeroed. */
  readonly needsMask?: true;
  /** Least and greatest value. */
  readonly immediate?: readonly [Immediate, Immediate];
  readonly label?: true;
}

/** The kinds by the notation of the table; `{kz}` says that a mask may stand behind it, `b32` a broadcast; `v{k}` needs one. */
export const OPERAND_KINDS = {
  "r": { register: "any" },
  "r/m": { register: "any", memory: "any" },
  "r32": { register: 32 },
  "r64": { register: 64 },
  "m": { memory: "any" },
  "imm8": { immediate: [-128, 127] },
  "uimm8": { immediate: [0, 255] },
  "imm32": { immediate: [-(2 ** 31), 2 ** 31 - 1] },
  "uimm32": { immediate: [0, 2 ** 32 - 1] },
  "imm64": { immediate: [-(2n ** 63n), 2n ** 63n - 1n] },
  "label": { label: true },
  "t": { register: "tile" },
  "sibmem": { memory: "any", sib: true },
  "k": { register: "mask" },
  "v": { register: "vector" },
  "v{kz}": { register: "vector", masking: true },
  "v/m": { register: "vector", memory: "vector" },
  "v/m/b32": { register: "vector", memory: "vector", broadcast: 4 },
  "v/m/b64": { register: "vector", memory: "vector", broadcast: 8 },
  "z{kz}": { register: "vector", only: 512, masking: true },
  "z": { register: "vector", only: 512 },
  "z/m/b32": { register: "vector", only: 512, memory: "vector", broadcast: 4 },
  "v{k}": { register: "vector", masking: true, needsMask: true },
  "vm32": { memory: 4, vectorIndex: true },
  "m{k}": { memory: "vector", masking: true },
  "half{kz}": { register: "vector", share: 2, masking: true },
  "half/m": { register: "vector", memory: "vector", share: 2 },
  "half/m{k}": { register: "vector", memory: "vector", share: 2, masking: true },
  "quarter/m": { register: "vector", memory: "vector", share: 4 },
  "quarter/m{k}": { register: "vector", memory: "vector", share: 4, masking: true },
  "x/m32": { register: "xmm", memory: 4 },
  "x/m64": { register: "xmm", memory: 8 },
  "m64": { memory: 8 },
  "m128": { memory: 16 },
  "m256": { memory: 32 },
} as const satisfies Record<string, OperandKind>;

export type OperandKindName = keyof typeof OPERAND_KINDS;

type RegisterOf<K extends OperandKind> = K["register"] extends "any" ? GeneralRegister
  : K["register"] extends 32 | 64 ? GeneralRegister<K["register"]>
  : K["register"] extends "vector" | "xmm" ? VectorRegister
  : K["register"] extends "mask" ? MaskRegister
  : K["register"] extends "tile" ? TileRegister
  : never;

/** The operands of a kind, as far as types can tell: lengths, ranges and masks are checked when they are encoded. */
export type OperandOf<K extends OperandKind> =
  | RegisterOf<K>
  | (K extends { memory: unknown } ? Memory : never)
  | (K extends { immediate: unknown } ? Immediate : never)
  | (K extends { label: true } ? Label : never);

/**
 * Bytes of memory that an operand of this kind names in an instruction of `vectorBits`; undefined where the
 * instruction does not say. An EVEX displacement of 8 bits counts in this unit (SDM volume 2, section 2.7.5).
 */
export function memoryBytes(kind: OperandKind, operand: Memory, vectorBits: number): number | undefined {
  if (operand.broadcast) return kind.broadcast;
  if (kind.memory === "vector") return vectorBits / 8 / (kind.share ?? 1);
  return kind.memory === "any" ? undefined : kind.memory;
}

/** Whether the operand is of the kind, in an instruction of vectors of `vectorBits` and registers of `generalBits`. */
export function isOfKind(kind: OperandKind, operand: Operand, vectorBits: number, generalBits: number): boolean {
  if (typeof operand === "number" || typeof operand === "bigint") {
    if (typeof operand === "number" && !Number.isSafeInteger(operand)) return false;
    return kind.immediate !== undefined && operand >= kind.immediate[0] && operand <= kind.immediate[1];
  }
  switch (operand.kind) {
    case "label":
      return kind.label === true;
    case "general":
      return operand.bits === (kind.register === "any" ? generalBits : kind.register);
    case "mask":
    case "tile":
      return kind.register === operand.kind;
    case "vector": {
      const bits = kind.register === "vector" ? vectorBits / (kind.share ?? 1) : kind.register === "xmm" ? 128 : 0;
      // Lengths under 128 bits are held in the lower part of an xmm.
      if (kind.only !== undefined && vectorBits !== kind.only) return false;
      if (kind.needsMask && (operand.masking === undefined || operand.masking.zeroing)) return false;
      return bits > 0 && operand.bits === Math.max(bits, 128) &&
        (operand.masking === undefined || kind.masking === true);
    }
    case "memory":
      if ((operand.index?.kind === "vector" ? operand.index.bits : undefined) !== (kind.vectorIndex && vectorBits)) {
        return false;
      }
      if (kind.memory === undefined || (operand.broadcast && kind.broadcast === undefined)) return false;
      return operand.masking === undefined || kind.masking === true;
  }
}
