import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { decodeArray, isArrayFile } from "./array_file.ts";
import { type CsvRow, parseCsv } from "./csv.ts";
import type { DataFile } from "./data_file.ts";
import { inputError } from "./error.ts";

/** Labels as a file gives them: one per sample in order, or by the name of the sample's file. */
export type Labels =
  | { readonly kind: "in-order"; readonly values: readonly number[] }
  | { readonly kind: "by-name"; readonly values: ReadonlyMap<string, number> };

/**
 * Reads class labels, whole numbers from 0: a .npy, .npz or IDX file of integers with one per sample, or text with a
 * line per sample, `label` or `filename,label`. In text a label may be a class name when `classNames` are given (a name
 * wins over a number); a first line whose label is neither is a heading.
 * @throws DyadError (input) naming the file and the line or index.
 */
export function readLabels(file: DataFile, classNames: readonly string[] = []): Labels {
  const { bytes, name } = file;
  if (isArrayFile(bytes)) return { kind: "in-order", values: labelsOfTensor(decodeArray(file).tensor, name) };
  return labelsOfText(decodeText(bytes, name), name, classNames);
}

/**
 * Class names, one per line in the order of their labels.
 * @throws DyadError (input) naming `where` for no names at all, an empty line between names, or a name that occurs twice.
 */
export function parseClassNames(text: string, where: string): string[] {
  const names = text.replace(/^\ufeff/, "").trimEnd().split(/\r\n|\n|\r/).map((line) => line.trim());
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    if (name === "") throw inputError(`${where}: line ${i + 1} is empty, expected the name of class ${i}`);
    const first = seen.get(name);
    if (first !== undefined) {
      throw inputError(`${where}: lines ${first + 1} and ${i + 1} both name ${JSON.stringify(name)}`);
    }
    seen.set(name, i);
  }
  return names;
}

/** @throws DyadError (input) for a label that is negative or, where `classes` is known, not under it. */
export function checkLabels(labels: Int32Array, classes: number | undefined, where: string): void {
  for (const [i, label] of labels.entries()) {
    if (label < 0 || (classes !== undefined && label >= classes)) {
      const expected = classes === undefined ? "0 or more" : `0 to ${classes - 1} for ${classes} classes`;
      throw inputError(`${where}: found the label ${label} at index ${i}, expected ${expected}`);
    }
  }
}

function labelsOfTensor({ dtype, shape, data }: Tensor, where: string): number[] {
  const isColumn = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isColumn || dtype === "f32" || dtype === "f64" || dtype === "bool") {
    throw inputError(
      `${where}: found ${formatShape(shape)} elements of ${dtype}, expected one integer label per sample, shape N`,
    );
  }
  return Array.from(data as ArrayLike<number | bigint>, (value, i) => inInt32(Number(value), `${where}: index ${i}`));
}

const INT32_END = 2 ** 31;

function inInt32(label: number, place: string): number {
  if (label < -INT32_END || label >= INT32_END) {
    throw inputError(`${place}: found the label ${label}, expected one under ${INT32_END}`);
  }
  return label;
}

function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw inputError(`${where}: is neither a .npy, .npz or IDX file nor UTF-8 text; expected labels`, { cause: error });
  }
}

function labelsOfText(text: string, where: string, classNames: readonly string[]): Labels {
  const rows = parseCsv(text, where);
  const columns = rows[0]?.cells.length;
  if (columns !== 1 && columns !== 2) {
    const found = columns === undefined ? "no lines" : `${columns} columns`;
    throw inputError(`${where}: found ${found}, expected lines of "label" or "filename,label"`);
  }
  const indexOfName = new Map(classNames.map((name, i) => [name, i]));
  const labelOf = ({ cells }: CsvRow): number | undefined => {
    const cell = cells[columns - 1] ?? "";
    return indexOfName.get(cell) ?? (/^[+-]?\d{1,15}$/.test(cell) ? Number(cell) : undefined);
  };
  const body = labelOf(rows[0]) === undefined ? rows.slice(1) : rows;
  const labels = body.map((row) => {
    const place = `${where}: line ${row.line}`;
    if (row.cells.length !== columns) {
      throw inputError(`${place}: found ${row.cells.length} columns, expected ${columns} as in line ${rows[0].line}`);
    }
    const label = labelOf(row);
    if (label === undefined) {
      const expected = classNames.length > 0
        ? "a whole number or a class name"
        : "a whole number (no class list is given)";
      throw inputError(`${place}: found the label ${JSON.stringify(row.cells[columns - 1])}, expected ${expected}`);
    }
    return inInt32(label, place);
  });
  if (columns === 1) return { kind: "in-order", values: labels };
  return { kind: "by-name", values: labelsByName(body, labels, where) };
}

function labelsByName(rows: readonly CsvRow[], labels: readonly number[], where: string): Map<string, number> {
  const byName = new Map<string, number>();
  for (const [i, { line, cells: [name] }] of rows.entries()) {
    if (byName.has(name)) throw inputError(`${where}: line ${line}: found the file ${JSON.stringify(name)} twice`);
    byName.set(name, labels[i]);
  }
  return byName;
}
