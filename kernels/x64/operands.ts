/** Registers, memory and immediates of x86-64 machine code, as plain data. */

/** A general register, read and written as 32 or 64 bits. Writing 32 bits clears the upper half. */
export interface GeneralRegister<Bits extends 32 | 64 = 32 | 64> {
  readonly kind: "general";
  readonly bits: Bits;
  readonly number: number;
}

/** An opmask register k0..k7: one bit for each element of a vector. */
export interface MaskRegister {
  readonly kind: "mask";
  readonly number: number;
}

/** Which elements of a destination are written: the others keep their value, or become 0 when `zeroing`. */
export interface Masking {
  readonly register: MaskRegister;
  readonly zeroing: boolean;
}

/** A tile register tmm0..tmm7 of AMX. */
export interface TileRegister {
  readonly kind: "tile";
  readonly number: number;
}

export type VectorBits = 128 | 256 | 512;

/** xmm, ymm or zmm: the lower 128, 256 or all 512 bits of a vector register. */
export interface VectorRegister {
  readonly kind: "vector";
  readonly bits: VectorBits;
  readonly number: number;
  readonly masking?: Masking;
}

/**
 * The bytes from base + index * scale + displacement on. An index of a gather is a vector: an address for each element.
 */
export interface Memory {
  readonly kind: "memory";
  readonly base: GeneralRegister<64>;
  readonly index?: GeneralRegister<64> | VectorRegister;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: number;
  readonly masking?: Masking;
  /** One element is read and taken for all elements of the vector. */
  readonly broadcast?: true;
}

/** A place in the code; bound once by `Assembler.bind`, before or after the jumps to it. */
export interface Label {
  readonly kind: "label";
}

export type Immediate = number | bigint;

export type Operand = GeneralRegister | MaskRegister | TileRegister | VectorRegister | Memory | Label | Immediate;

const register64 = (number: number): GeneralRegister<64> => ({ kind: "general", bits: 64, number });

export const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi]: readonly GeneralRegister<64>[] = Array.from(
  { length: 8 },
  (_, number) => register64(number),
);

export const [r8, r9, r10, r11, r12, r13, r14, r15]: readonly GeneralRegister<64>[] = Array.from(
  { length: 8 },
  (_, number) => register64(8 + number),
);

/** The lower half of a general register: eax of rax, r8d of r8. */
export function low32({ number }: GeneralRegister): GeneralRegister<32> {
  return { kind: "general", bits: 32, number };
}

function vector(bits: VectorBits, number: number): VectorRegister {
  return { kind: "vector", bits, number: registerNumber(`vector of ${bits} bits`, number, 32) };
}

/** @throws {RangeError} unless 0 <= number < 32. */
export function xmm(number: number): VectorRegister {
  return vector(128, number);
}

/** @throws {RangeError} unless 0 <= number < 32. */
export function ymm(number: number): VectorRegister {
  return vector(256, number);
}

/** @throws {RangeError} unless 0 <= number < 32. */
export function zmm(number: number): VectorRegister {
  return vector(512, number);
}

/** @throws {RangeError} unless 0 <= number < 8. */
export function k(number: number): MaskRegister {
  return { kind: "mask", number: registerNumber("mask", number, 8) };
}

/** @throws {RangeError} unless 0 <= number < 8. */
export function tmm(number: number): TileRegister {
  return { kind: "tile", number: registerNumber("tile", number, 8) };
}

function registerNumber(what: string, number: number, count: number): number {
  if (!Number.isInteger(number) || number < 0 || number >= count) {
    throw new RangeError(`there is no ${what} register ${number}: numbers are 0..${count - 1}`);
  }
  return number;
}

/**
 * The memory at base + index * scale + displacement.
 * @throws {RangeError} when the displacement does not fit 32 bits, or the index is rsp, which no encoding has.
 */
export function memory(
  base: GeneralRegister<64>,
  displacement: number = 0,
  index?: GeneralRegister<64> | VectorRegister,
  scale: 1 | 2 | 4 | 8 = 1,
): Memory {
  if (displacement !== (displacement | 0)) throw new RangeError(`displacement ${displacement} does not fit 32 bits`);
  if (index?.kind === "general" && index.number === rsp.number) throw new RangeError("rsp cannot be an index");
  return { kind: "memory", base, index, scale, displacement };
}

/** The memory operand whose one element stands for all elements of the vector. */
export function broadcast(operand: Memory): Memory {
  return { ...operand, broadcast: true };
}

/** The destination of which only the elements that the mask names are written. */
export function masked<T extends VectorRegister | Memory>(destination: T, register: MaskRegister): T {
  return { ...destination, masking: { register: writeMask(register), zeroing: false } };
}

/** The destination whose elements that the mask does not name become 0. */
export function zeroed(destination: VectorRegister, register: MaskRegister): VectorRegister {
  return { ...destination, masking: { register: writeMask(register), zeroing: true } };
}

function writeMask(register: MaskRegister): MaskRegister {
  if (register.number === 0) throw new RangeError("k0 cannot mask: its encoding means that nothing is masked");
  return register;
}
