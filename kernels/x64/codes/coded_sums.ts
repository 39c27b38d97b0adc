import type { CpuFeature } from "../cpu_features.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { broadcast, k, type MaskRegister, memory, rax, type VectorRegister, zeroed, zmm } from "../operands.ts";
import {
  type CodedShape,
  codeLayout,
  PIECE_COLUMNS,
  pieceBits,
  pieceBytes,
  QUAD,
  ROWS,
  VECTOR_BYTES,
} from "./code_layout.ts";

/**
 * Constants: how far parts of a vector are shifted that hold pieces by themselves; tables of one bit; which level of a
 * table is whose; bytes of masks.
 */
const SHIFTS = 0;
const SIGN_TABLES = 64;
const SIGNS = 6;
const FIELDS = SIGN_TABLES + SIGNS * VECTOR_BYTES;
const MASKS = FIELDS + 3 * VECTOR_BYTES;
export const CODE_CONSTANT_BYTES = MASKS + VECTOR_BYTES;

/** What sums of codes need of the processor. */
export const CODE_FEATURES: readonly CpuFeature[] = [
  "avx512f",
  "avx512dq",
  "avx512bw",
  "avx512vl",
  "avx512_vnni",
  "avx512vbmi",
];

/** An index of vpermb has six bits: what stands in others is ignored. */
const INDICES = 64;

export function writeCodeConstants(view: DataView, position: number, bits: number): void {
  const at = (what: number): number => position + what;
  const piece = pieceBits({ bits, columns: 0 });
  for (let part = 0; part < 8; part++) {
    view.setBigUint64(at(SHIFTS + 8 * part), BigInt(piece * Math.floor(part / piece)), true);
  }
  for (let index = 0; index < INDICES; index++) {
    for (let bit = 0; bit < SIGNS; bit++) {
      view.setInt8(at(SIGN_TABLES + VECTOR_BYTES * bit + index), index >> bit & 1 ? 1 : -1);
    }
    for (let field = 0; field < 3; field++) {
      view.setUint8(at(FIELDS + VECTOR_BYTES * field + index), index >> bits * field & 2 ** bits - 1);
    }
  }
  view.setUint32(at(MASKS), 0x03030303, true);
  view.setUint32(at(MASKS + 4), 0x0f0f0f0f, true);
}

/** The mask of the columns of a last vector of activations. */
const COLUMN_TAIL: MaskRegister = k(6);
/** vpternlog: the first operand where the third is set, else the second. */
const SELECT = 0xe4;

/** Codes are read once, as a rule from memory: they are asked for this far ahead. */
const PREFETCH_BYTES = 1536;

const ACCUMULATORS = [0, 1, 2, 3].map(zmm);
const QUAD_SUMS = [4, 5, 6, 7].map(zmm);
const ACTIVATIONS = zmm(28);
const WEIGHTS = [29, 30, 31].map(zmm);
/** Tables of a row: for the codes that begin at bit 0, bits, 2 bits .. of an index. */
const FIRST_TABLE = 8;
const TABLES: Readonly<Record<number, number>> = { 1: SIGNS, 2: 3, 3: 2, 4: 1 };

function tableOf(bits: number, row: number, field: number): VectorRegister {
  return zmm(FIRST_TABLE + (bits === 1 ? 0 : row * TABLES[bits]) + field);
}

/** Vector `v` of the codes of a row. */
function codesOf(bits: number, row: number, v: number = 0): VectorRegister {
  const vectors = bits === 3 ? 3 : 1;
  return zmm(28 - QUAD * vectors + row * vectors + v);
}

/** Prepares the sums of rows of so many columns; the mask k6 is theirs from then on. */
export function emitColumnMask(f: KernelFunction, columns: number): void {
  if (columns % PIECE_COLUMNS > 0) f.firstElements(COLUMN_TAIL, columns % PIECE_COLUMNS);
}

/**
 * Sums over columns of weight times activation of the next sixteen rows: int32 in the register that is given back. All
 * vector registers and rax are clobbered; `block` moves on to the end of the rows, `activations` stays. Constants lie at
 * `constants` of `f.constants`.
 */
export function emitCodedSums(
  f: KernelFunction,
  shape: CodedShape,
  constants: number,
  block: Pointer,
  activations: Pointer,
): VectorRegister {
  const { bits } = shape;
  const layout = codeLayout(shape);
  if (bits === 1) {
    for (let t = 0; t < SIGNS; t++) {
      f.code.emit("vmovdqu32", tableOf(1, 0, t), memory(f.constants, constants + SIGN_TABLES + VECTOR_BYTES * t));
    }
  }
  f.advance(block, layout.tables);
  for (let quad = 0; quad < ROWS / QUAD; quad++) {
    const tables = QUAD * quad * layout.tableBytes - layout.tables - quad * layout.quadBytes;
    if (bits > 1) emitTables(f, bits, constants, block, tables);
    emitQuad(f, shape, constants, block, activations);
    emitQuadSum(f, QUAD_SUMS[quad]);
  }
  const sums = emitRowSums(f);
  if (bits === 1) f.code.emit("vpmulld", sums, sums, memory(block, -layout.bytes));
  return sums;
}

/** Loads the levels of four rows, in the places that each field of an index needs. */
function emitTables(f: KernelFunction, bits: number, constants: number, block: Pointer, tables: number): void {
  for (let row = 0; row < QUAD; row++) {
    const levels = memory(block, tables + 2 ** bits * row);
    const first = tableOf(bits, row, 0);
    if (bits === 2) f.code.emit("vpbroadcastd", first, levels);
    else if (bits === 3) f.code.emit("vpbroadcastq", first, levels);
    else f.code.emit("vbroadcasti32x4", first, levels);
    for (let field = TABLES[bits] - 1; field >= 1; field--) {
      const indices = memory(f.constants, constants + FIELDS + VECTOR_BYTES * field);
      f.code.emit("vpshufb", tableOf(bits, row, field), first, indices);
    }
  }
}

function emitQuad(
  f: KernelFunction,
  shape: CodedShape,
  constants: number,
  block: Pointer,
  activations: Pointer,
): void {
  const { columns } = shape;
  const layout = codeLayout(shape);
  const from = rax;
  for (const sum of ACCUMULATORS) f.code.emit("vpxord", sum, sum, sum);
  f.set(from, activations);
  f.repeat(layout.units, () => {
    emitUnit(f, shape.bits, constants, block, from);
    f.advance(block, layout.unitBytes).advance(from, layout.unitColumns);
  });
  for (let piece = 0; piece < layout.rest; piece++) {
    const isLast = piece === layout.rest - 1 && columns % PIECE_COLUMNS > 0;
    const target = isLast ? zeroed(ACTIVATIONS, COLUMN_TAIL) : ACTIVATIONS;
    f.code.emit("vmovdqu8", target, memory(from, PIECE_COLUMNS * piece));
    for (let row = 0; row < QUAD; row++) {
      const index = codesOf(shape.bits, row);
      emitPieceIndex(f, shape, constants, index, block, (piece * QUAD + row) * pieceBytes(shape));
      emitProducts(f, row, index, tableOf(shape.bits, row, 0));
    }
  }
  f.advance(block, layout.quadBytes - layout.restStart);
}

/** Adds the products of a piece: weights are levels by index. */
function emitProducts(f: KernelFunction, row: number, index: VectorRegister, table: VectorRegister): void {
  const weights = WEIGHTS[row % WEIGHTS.length];
  f.code.emit("vpermb", weights, index, table);
  f.code.emit("vpdpbusd", ACCUMULATORS[row], ACTIVATIONS, weights);
}

/** All pieces of a unit, which four rows multiply with the same activations. */
function emitUnit(f: KernelFunction, bits: number, constants: number, block: Pointer, from: Pointer): void {
  const { vectors, pieces } = codeLayout({ bits, columns: 0 });
  for (let row = 0; row < QUAD; row++) {
    for (let v = 0; v < vectors; v++) {
      const at = VECTOR_BYTES * (row * vectors + v);
      f.code.emit("prefetcht0", memory(block, at + PREFETCH_BYTES));
      f.code.emit("vmovdqu32", codesOf(bits, row, v), memory(block, at));
    }
  }
  const fields = TABLES[bits];
  const beyond = pieces - fields; // pieces whose codes are moved to where the last fields are
  for (let piece = 0; piece < pieces; piece++) {
    const [vector, field] = bits === 3
      ? [piece < 6 ? piece >> 1 : 0, piece & 1]
      : [0, piece < fields ? piece : piece - beyond];
    f.code.emit("vmovdqu8", ACTIVATIONS, memory(from, PIECE_COLUMNS * piece));
    for (let row = 0; row < QUAD; row++) {
      const codes = codesOf(bits, row, vector);
      if (bits === 3) {
        if (piece === 6) emitLastBits(f, constants, row);
      } else if (piece === fields) f.code.emit("vpsrlw", codes, codes, bits * beyond);
      emitProducts(f, row, codes, tableOf(bits, row, field));
    }
  }
}

/** The codes of the last two pieces of a unit of three bits, from the upper bits of all three vectors. */
function emitLastBits(f: KernelFunction, constants: number, row: number): void {
  const [first, second, third] = [0, 1, 2].map((v) => codesOf(3, row, v));
  const mask = (number: number) => broadcast(memory(f.constants, constants + MASKS + 4 * number));
  f.code.emit("vpsrlw", first, first, 6).emit("vpsrlw", second, second, 4).emit("vpsrlw", third, third, 2);
  f.code.emit("vpternlogd", first, second, mask(0), SELECT).emit("vpternlogd", first, third, mask(1), SELECT);
}

/** The codes of a piece by itself, in the lowest bits of the bytes of `index`. */
function emitPieceIndex(
  f: KernelFunction,
  shape: CodedShape,
  constants: number,
  index: VectorRegister,
  block: Pointer,
  offset: number,
): void {
  const codes = memory(block, offset);
  const shifts = memory(f.constants, constants + SHIFTS);
  const bits = pieceBits(shape);
  const broadcasts = { 1: "vpbroadcastq", 2: "vbroadcasti32x4", 4: "vbroadcasti64x4" } as const;
  f.code.emit(broadcasts[bits as 1 | 2 | 4], index, codes).emit("vpsrlvq", index, index, shifts); // a power of two up to 4
}

/** Adds lanes of zmm0 .. zmm3, the sums of four rows: each 128 bits of `target` have a sum of every row, still to be added. */
export function emitQuadSum(f: KernelFunction, target: VectorRegister): void {
  const [a, b, c, d] = ACCUMULATORS;
  const [t] = WEIGHTS;
  for (const [x, y] of [[a, b], [c, d]]) {
    f.code.emit("vpunpckldq", t, x, y).emit("vpunpckhdq", x, x, y).emit("vpaddd", x, x, t);
  }
  f.code.emit("vpunpcklqdq", t, a, c).emit("vpunpckhqdq", target, a, c).emit("vpaddd", target, target, t);
}

/** The sums of sixteen rows in order, from those of their quads in zmm4 .. zmm7. */
export function emitRowSums(f: KernelFunction): VectorRegister {
  const [a, b, c, d] = QUAD_SUMS;
  const [t] = WEIGHTS;
  for (const [x, y] of [[a, b], [c, d]]) {
    f.code.emit("vshufi32x4", t, x, y, 0x44).emit("vshufi32x4", x, x, y, 0xee).emit("vpaddd", x, x, t);
  }
  f.code.emit("vshufi32x4", t, a, c, 0x88).emit("vshufi32x4", a, a, c, 0xdd).emit("vpaddd", a, a, t);
  return a;
}
