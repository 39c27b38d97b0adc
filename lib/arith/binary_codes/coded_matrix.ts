import { CODE_BITS, type CodeMethod, codeValues } from "./codes.ts";

/** Shape of a matrix of codes. Columns fall into groups of `groupColumns`, the last of which may be narrower. */
export interface CodedShape {
  readonly rows: number;
  readonly columns: number;
  readonly groupColumns: number;
  readonly bits: number;
}

/** A matrix of codes: that of element [row, column] with the coefficients of its row and group. */
export interface CodedMatrix extends CodedShape {
  /** [rows, groups, bits], groups = ceil(columns / groupColumns); not negative. */
  readonly coefficients: Float64Array;
  /** [rows, columns], each 0 .. 2^bits - 1, bit k the sign of binary vector k (set: +1). */
  readonly codes: Uint8Array;
}

export interface CodeOptions {
  readonly method: CodeMethod;
  readonly bits: number;
  /** Columns that share coefficients; all of a row unless given. */
  readonly groupColumns?: number;
}

/**
 * Codes of a matrix [rows, columns], row by row and group by group.
 * @throws RangeError for a weight that is NaN or infinite (naming row and column), for bits that the method does not have,
 * for rows that do not divide the weights, and for groups of no columns.
 */
export function codeMatrix(weights: Float32Array, rows: number, options: CodeOptions): CodedMatrix {
  const { method, bits } = options;
  if (!CODE_BITS.includes(bits) || !method.bits.includes(bits)) {
    throw new RangeError(`codes of ${bits} bits: method ${method.name} has ${method.bits.join(", ")}`);
  }
  if (!Number.isInteger(rows) || rows < 1 || weights.length % rows !== 0) {
    throw new RangeError(`${weights.length} weights do not divide into ${rows} rows`);
  }
  const columns = weights.length / rows;
  const groupColumns = options.groupColumns ?? Math.max(columns, 1);
  if (!Number.isInteger(groupColumns) || groupColumns < 1) {
    throw new RangeError(`groups of ${groupColumns} columns: expected a positive integer`);
  }
  checkFinite(weights, columns);
  const groups = Math.ceil(columns / groupColumns);
  const codes = new Uint8Array(weights.length);
  const coefficients = new Float64Array(rows * groups * bits);
  forEachGroup({ rows, columns, groupColumns, bits }, (first, end, group) => {
    const found = method.encode(weights.subarray(first, end), bits);
    codes.set(found.codes, first);
    coefficients.set(found.coefficients, group * bits);
  });
  return { rows, columns, groupColumns, bits, coefficients, codes };
}

/**
 * The groups that a layer's weights can have: runs of `wanted` columns of a matrix, whole rows where a window has several
 * taps, since their order in memory is another then (taps before channels).
 * @param shape of the weights in ONNX order, rows first
 */
export function codeGroupColumns(shape: readonly number[], wanted?: number): number {
  const columns = shape.slice(1).reduce((a, b) => a * b, 1);
  const hasTaps = shape.slice(2).some((extent) => extent > 1);
  return Math.max(hasTaps ? columns : Math.min(wanted ?? columns, columns), 1);
}

/** The reals that codes stand for, [rows, columns], as float32. */
export function decodeMatrix(matrix: CodedMatrix): Float32Array {
  const { bits, coefficients, codes } = matrix;
  const weights = new Float32Array(codes.length);
  forEachGroup(matrix, (first, end, group) => {
    const sums = codeValues(coefficients.subarray(group * bits, (group + 1) * bits));
    for (let i = first; i < end; i++) weights[i] = sums[codes[i]];
  });
  return weights;
}

/** Elements first .. end - 1 of each group, and its number, row by row. */
function forEachGroup(shape: CodedShape, visit: (first: number, end: number, group: number) => void): void {
  let group = 0;
  for (let row = 0; row < shape.rows; row++) {
    const end = (row + 1) * shape.columns;
    for (let first = row * shape.columns; first < end; first += shape.groupColumns) {
      visit(first, Math.min(first + shape.groupColumns, end), group++);
    }
  }
}

function checkFinite(weights: Float32Array, columns: number): void {
  const bad = weights.findIndex((weight) => !Number.isFinite(weight));
  if (bad < 0) return;
  const [row, column] = [Math.floor(bad / columns), bad % columns];
  throw new RangeError(`weight [${row}, ${column}] is ${weights[bad]}, expected a finite number`);
}
