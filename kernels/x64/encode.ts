import type { InstructionRow } from "./instructions.ts";
import { isOfKind, memoryBytes, OPERAND_KINDS, type OperandKind } from "./operand_kinds.ts";
import type { GeneralRegister, Immediate, Label, Memory, Operand, TileRegister, VectorRegister } from "./operands.ts";

/** An instruction form, its notation read. */
export interface Form {
  readonly name: string;
  readonly kinds: readonly OperandKind[];
  /** Which operand has each role; -1 where none has. */
  readonly roles: Readonly<Record<Role, number>>;
  readonly hasTiles: boolean;
  readonly scheme: "legacy" | "VEX" | "EVEX";
  /** The prefix code pp of VEX and EVEX: none, 66, F3, F2. */
  readonly prefix: number;
  /** The opcode map of VEX and EVEX: 1 is 0F, 2 is 0F 38, 3 is 0F 3A. */
  readonly map: number;
  readonly w: number;
  /** Opcode bytes, with their escapes in the legacy scheme. */
  readonly opcode: readonly number[];
  /** ModRM follows; the number is what its register field holds where no operand does. */
  readonly modrm?: number;
  readonly immediateBytes: number;
}

/** What an operand becomes (`InstructionRow`). */
type Role = "R" | "V" | "M" | "O" | "I" | "D";

/** The bytes of an instruction; a label's distance is four bytes at the end, still 0. */
export interface Encoded {
  readonly bytes: readonly number[];
  readonly target?: Label;
}

/** Vector length and width of general registers, by which operands are checked and encoded. */
interface Widths {
  readonly vector: number;
  readonly general: number;
}

const PREFIXES = ["", "66", "F3", "F2"];
const MAPS = ["", "0F", "0F38", "0F3A"];
const IMMEDIATE_BYTES: Readonly<Record<string, number>> = { ib: 1, id: 4, iq: 8, cd: 4 };

/** Reads a row of the table. */
export function readForm([name, operands, roles, encoding]: InstructionRow): Form {
  const tokens = encoding.split(" ");
  const head = tokens[0].split(".");
  const scheme = head[0] === "VEX" || head[0] === "EVEX" ? head[0] : "legacy";
  const field = tokens.find((token) => token.startsWith("/"));
  const kinds: readonly OperandKind[] = operands.map((kind) => OPERAND_KINDS[kind]);
  const place = (role: Role): number => roles.indexOf(role);
  return {
    name,
    kinds,
    roles: { R: place("R"), V: place("V"), M: place("M"), O: place("O"), I: place("I"), D: place("D") },
    hasTiles: kinds.some(({ register }) => register === "tile"),
    scheme,
    prefix: Math.max(0, ...head.map((part) => PREFIXES.indexOf(part))),
    map: scheme === "legacy" ? 0 : Math.max(...head.map((part) => MAPS.indexOf(part))),
    w: head.includes("W") || head.includes("W1") ? 1 : 0,
    opcode: tokens.filter((token) => /^[0-9A-F]{2}(\+r)?$/.test(token)).map((token) => parseInt(token, 16)),
    modrm: field === undefined ? undefined : field === "/r" ? 0 : Number(field.slice(1)),
    immediateBytes: tokens.map((token) => IMMEDIATE_BYTES[token] ?? 0).reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** The length of the vectors and registers of the operands if the form takes these operands, otherwise undefined. */
function widthsOf({ kinds, hasTiles }: Form, operands: readonly Operand[]): Widths | undefined {
  if (kinds.length !== operands.length || (hasTiles && !areTilesDistinct(operands))) return undefined;
  let vector = 128;
  let general = 32;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i];
    if (typeof operand !== "object") continue;
    if (operand.kind === "vector" && kinds[i].register === "vector" && kinds[i].share === undefined) {
      vector = operand.bits;
    }
    if (operand.kind === "general" && kinds[i].register === "any") general = operand.bits;
  }
  return kinds.every((kind, i) => isOfKind(kind, operands[i], vector, general)) ? { vector, general } : undefined;
}

/** A product of tiles faults unless all three differ (SDM volume 2, TDPBSSD). */
export function areTilesDistinct(operands: readonly Operand[]): boolean {
  const tiles = operands.flatMap((operand) =>
    typeof operand === "object" && operand.kind === "tile" ? operand.number : []
  );
  return new Set(tiles).size === tiles.length;
}

/** The bytes of the instruction in this form, or undefined when the form does not take the operands. */
export function encode(form: Form, operands: readonly Operand[]): Encoded | undefined {
  const widths = widthsOf(form, operands);
  if (widths === undefined) return undefined;
  const { roles } = form;
  const middle = operandAt(operands, roles.M) as Middle | undefined; // kinds leave nothing else
  const fields: Fields = {
    register: numberOf(operandAt(operands, roles.R)),
    vvvv: numberOf(operandAt(operands, roles.V)),
    middle: middle ?? operandAt(operands, roles.O),
    masking: maskingOf(operands),
  };
  const bytes = prefixOf(form, fields, widths);
  for (const byte of form.opcode) bytes.push(byte);
  if (roles.O >= 0) bytes[bytes.length - 1] += numberOf(operandAt(operands, roles.O)) & 7;
  if (form.modrm !== undefined) {
    const register = roles.R >= 0 ? fields.register : form.modrm;
    const hasSib = form.kinds[roles.M]?.sib ?? false;
    for (const byte of modrmOf(register, middle ?? NO_REGISTER, displacementUnit(form, operands, widths), hasSib)) {
      bytes.push(byte);
    }
  }
  const immediate = operandAt(operands, roles.I) as Immediate | undefined; // kinds leave nothing else
  if (immediate !== undefined) bytes.push(...littleEndian(immediate, form.immediateBytes));
  const target = operandAt(operands, roles.D) as Label | undefined; // kinds leave nothing else
  if (target === undefined) return { bytes };
  return { bytes: [...bytes, ...littleEndian(0, form.immediateBytes)], target };
}

function operandAt(operands: readonly Operand[], place: number): Operand | undefined {
  return place < 0 ? undefined : operands[place];
}

/** The mask that an operand carries, if one does. */
function maskingOf(operands: readonly Operand[]): Fields["masking"] {
  for (const operand of operands) {
    if (typeof operand === "object" && "masking" in operand && operand.masking !== undefined) return operand.masking;
  }
  return undefined;
}

/** What ModRM can hold beside its register field; 0 where the instruction has nothing there. */
type Middle = GeneralRegister | VectorRegister | TileRegister | Memory;
const NO_REGISTER: Middle = { kind: "tile", number: 0 };

/** What the prefixes carry of the operands. */
interface Fields {
  readonly register: number;
  readonly vvvv: number;
  /** Register or memory of ModRM, or the register in the opcode. */
  readonly middle?: Operand;
  readonly masking?: { readonly register: { readonly number: number }; readonly zeroing: boolean };
}

function numberOf(operand: Operand | undefined): number {
  return typeof operand === "object" && "number" in operand ? operand.number : 0;
}

function prefixOf(form: Form, fields: Fields, widths: Widths): number[] {
  const { register, vvvv, middle } = fields;
  const address = typeof middle === "object" && middle.kind === "memory" ? middle : undefined;
  const low = address?.base.number ?? numberOf(middle);
  const r = register >> 3 & 1;
  const b = low >> 3 & 1;
  // Bit 4 of a register operand takes the place of the index's bit 3.
  const x = address ? (address.index?.number ?? 0) >> 3 & 1 : low >> 4 & 1;
  if (form.scheme === "legacy") {
    const w = form.w | Number(widths.general === 64);
    const rex = w << 3 | r << 2 | x << 1 | b;
    return rex === 0 ? [] : [0x40 | rex];
  }
  const length = widths.vector === 512 ? 2 : widths.vector === 256 ? 1 : 0;
  const tail = (~vvvv & 15) << 3 | form.prefix;
  // Bit 4 of a vector that is an index takes the place of the one of V, which instructions with an index do not have.
  const v = (vvvv | (address?.index?.kind === "vector" ? address.index.number : 0)) >> 4 & 1;
  if (form.scheme === "VEX") {
    const vex = tail | length << 2;
    if (x === 0 && b === 0 && form.map === 1 && form.w === 0) return [0xc5, (r ^ 1) << 7 | vex];
    return [0xc4, (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | form.map, form.w << 7 | vex];
  }
  return [
    0x62,
    (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (register >> 4 & 1 ^ 1) << 4 | form.map,
    form.w << 7 | 1 << 2 | tail,
    Number(fields.masking?.zeroing ?? false) << 7 | length << 5 | Number(address?.broadcast ?? false) << 4 |
    (v ^ 1) << 3 |
    (fields.masking?.register.number ?? 0),
  ];
}

/** What a displacement of 8 bits counts in: bytes, or in EVEX the size of the memory operand. */
function displacementUnit(form: Form, operands: readonly Operand[], widths: Widths): number {
  const i = form.roles.M;
  const operand = operands[i];
  if (form.scheme !== "EVEX" || typeof operand !== "object" || operand.kind !== "memory") return 1;
  return memoryBytes(form.kinds[i], operand, widths.vector) ?? 1;
}

/** The field of ModRM for which a SIB byte follows; as its index, none. */
const SIB = 4;

/** ModRM, SIB and displacement (SDM volume 2, section 2.1.5). */
function modrmOf(register: number, middle: Middle, unit: number, hasSib: boolean): number[] {
  const field = (register & 7) << 3;
  if (middle.kind !== "memory") return [0xc0 | field | middle.number & 7];
  const { base, index, scale, displacement } = middle;
  const low = base.number & 7;
  const short = displacement / unit;
  const needsSib = hasSib || index !== undefined || low === SIB;
  // A base of rbp or r13 without displacement would mean an address relative to the instruction.
  const mode = displacement === 0 && low !== 5 ? 0 : Number.isInteger(short) && short >= -128 && short <= 127 ? 1 : 2;
  const bytes = [mode << 6 | field | (needsSib ? SIB : low)];
  if (needsSib) {
    bytes.push(Math.log2(scale) << 6 | ((index?.number ?? SIB) & 7) << 3 | low);
  }
  if (mode === 1) bytes.push(short & 0xff);
  if (mode === 2) bytes.push(...littleEndian(displacement, 4));
  return bytes;
}

export function littleEndian(value: Immediate, bytes: number): number[] {
  if (bytes === 4 && typeof value === "number") {
    return [value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24];
  }
  const bits = BigInt.asUintN(8 * bytes, BigInt(value));
  return Array.from({ length: bytes }, (_, i) => Number(bits >> BigInt(8 * i) & 0xffn));
}
