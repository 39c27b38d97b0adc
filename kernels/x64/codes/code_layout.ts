import { codeValues } from "../../../lib/arith/binary_codes/codes.ts";

/** Rows whose sums are made together, one in each lane of int32. */
export const ROWS = 16;
/** Rows whose codes lie together: they are multiplied with the same activations. */
export const QUAD = 4;
export const VECTOR_BYTES = 64;
/** Columns of a vector of activations. */
export const PIECE_COLUMNS = 64;

/** What code depends on besides the numbers of rows and columns. */
export interface CodedShape {
  readonly bits: number;
  readonly columns: number;
}

/**
 * Codes of whole units come first: a unit of so many columns fills so many vectors. Piece j of a unit, its columns
 * 64 j .. 64 j + 63, has a byte of a vector for each column and bits of it that no other piece has. What is left of a row is
 * in pieces of their own.
 */
const UNITS: Readonly<Record<number, { readonly vectors: number; readonly pieces: number }>> = {
  1: { vectors: 1, pieces: 8 },
  2: { vectors: 1, pieces: 4 },
  3: { vectors: 3, pieces: 8 },
  4: { vectors: 1, pieces: 2 },
};

/** Bits of a code in a piece by itself, a power of two. */
export function pieceBits({ bits }: CodedShape): number {
  return bits === 3 ? 4 : bits;
}

/** Bytes of a piece by itself. */
export function pieceBytes(shape: CodedShape): number {
  return PIECE_COLUMNS / 8 * pieceBits(shape);
}

/** A row of one bit has the levels -1 and 1, times its multiplier (int32) at the end; others have their levels in a table. */
function tableBytes(bits: number): number {
  return bits === 1 ? 4 : 2 ** bits;
}

/** Byte positions of sixteen rows: tables, then for each quad its units, row by row, and its pieces, row by row. */
export function codeLayout(shape: CodedShape) {
  const { bits, columns } = shape;
  const { vectors, pieces } = UNITS[bits];
  const unitColumns = pieces * PIECE_COLUMNS;
  const units = Math.floor(columns / unitColumns);
  const rest = Math.ceil((columns - units * unitColumns) / PIECE_COLUMNS);
  const tables = Math.ceil(ROWS * tableBytes(bits) / VECTOR_BYTES) * VECTOR_BYTES;
  const unitBytes = QUAD * vectors * VECTOR_BYTES;
  const restStart = units * unitBytes;
  const quadBytes = Math.ceil((restStart + rest * QUAD * pieceBytes(shape)) / VECTOR_BYTES) * VECTOR_BYTES;
  return {
    ...{ vectors, pieces, unitColumns, units, unitBytes },
    ...{ rest, restStart, quadBytes, tables, tableBytes: tableBytes(bits) },
    bytes: tables + ROWS / QUAD * quadBytes,
  };
}

/** Writes the codes of a row, a number of `bits` bits for each column, and its levels into lane `row` of its block. */
export function packCodedRow(
  block: Uint8Array,
  row: number,
  shape: CodedShape,
  codes: Uint8Array,
  multipliers: Int8Array,
): void {
  const { bits, columns } = shape;
  const layout = codeLayout(shape);
  const table = bits === 1 ? new Uint8Array(Int32Array.from(multipliers).buffer) : codeValues(multipliers);
  block.set(table, row * layout.tableBytes); // levels modulo 2^8
  const lane = row % QUAD;
  const quad = layout.tables + Math.floor(row / QUAD) * layout.quadBytes;
  const inUnits = layout.units * layout.unitColumns;
  for (let column = 0; column < inUnits; column++) {
    const [unit, within] = [Math.floor(column / layout.unitColumns), column % layout.unitColumns];
    const [piece, byte] = [Math.floor(within / PIECE_COLUMNS), within % PIECE_COLUMNS];
    const start = quad + unit * layout.unitBytes + lane * layout.vectors * VECTOR_BYTES;
    writeInUnit(block, start + byte, bits, piece, codes[column]);
  }
  for (let column = inUnits; column < columns; column++) {
    const piece = Math.floor((column - inUnits) / PIECE_COLUMNS);
    const start = quad + layout.restStart + (piece * QUAD + lane) * pieceBytes(shape);
    writeInPiece(block, start, pieceBits(shape), (column - inUnits) % PIECE_COLUMNS, codes[column]);
  }
}

function writeInUnit(block: Uint8Array, at: number, bits: number, piece: number, code: number): void {
  if (bits !== 3) {
    block[at] |= code << bits * piece;
    return;
  }
  // Three vectors have two codes each, and their last two bits those of two more.
  if (piece < 6) {
    block[at + VECTOR_BYTES * (piece >> 1)] |= code << 3 * (piece & 1);
    return;
  }
  const both = code << 3 * (piece - 6);
  for (let v = 0; v < 3; v++) block[at + VECTOR_BYTES * v] |= (both >> 2 * v & 3) << 6;
}

/** Of four bits each half of the vector takes a half of every byte, of two each quarter a quarter, of one each eighth a bit. */
function writeInPiece(block: Uint8Array, start: number, bits: number, column: number, code: number): void {
  const bytes = PIECE_COLUMNS / 8 * bits;
  block[start + column % bytes] |= code << bits * Math.floor(column / bytes);
}
