import { stripVTControlCharacters, styleText } from "node:util";
import type { DyadError } from "../lib/format/error.ts";

/** What a command found. */
export interface Report<J = unknown> {
  /** What `--json` prints on standard output. */
  readonly json: J;
  /** What people read on standard error. */
  readonly blocks: readonly Block[];
  /** A claim that failed; it is shown after the report and sets the exit code. */
  readonly failure?: DyadError;
}

export type Block = string | Table;

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** A line for each of many parts, which a report in short leaves out. */
  readonly isDetail?: boolean;
}

export interface Column {
  readonly title: string;
  /** Numbers go to the right. Default left. */
  readonly align?: "left" | "right";
}

export type Cell = string | Painted;

export interface Painted {
  readonly text: string;
  readonly paint: Paint;
}

const PAINTS = ["bold", "dim", "red", "green", "yellow"] as const;
export type Paint = (typeof PAINTS)[number];

/** Puts text into colour, or leaves it as it is. */
export type Style = (paint: Paint, text: string) => string;

/** `useColour` has been decided by the caller: a terminal, no NO_COLOR, no --no-color. */
export function styleFor(useColour: boolean): Style {
  return useColour ? (paint, text) => styleText(paint, text, { validateStream: false }) : (_, text) => text;
}

/** A column of numbers. */
export function numeric(title: string): Column {
  return { title, align: "right" };
}

/** A table of names and what they come to, without a heading. */
export function facts(rows: readonly (readonly [name: string, value: Cell])[]): Table {
  return { columns: [{ title: "" }, { title: "" }], rows };
}

/** The blocks of a report in short. */
export function withoutDetail(blocks: readonly Block[]): Block[] {
  return blocks.filter((block) => typeof block === "string" || !block.isDetail);
}

/**
 * The text of the blocks, an empty line between them, without a last line break. Where `width`, the terminal's, is
 * known, text goes over several lines, and so do the last column and the titles of a table.
 */
export function renderBlocks(blocks: readonly Block[], style: Style, width = Infinity): string {
  return blocks.map((block) =>
    typeof block === "string"
      ? block.split("\n").flatMap((line) => wrapWords(line, width)).join("\n")
      : renderTable(block, style, width)
  ).join("\n\n");
}

const GAP = "  ";

/** Fewer columns are not worth going over several lines for. */
const LEAST_WRAPPED = 24;

export function renderTable(table: Table, style: Style, width = Infinity): string {
  const { columns } = table;
  const rows = withLastColumnWrapped(table, width);
  const head = headingsWithin(width, columns, rows);
  const widths = widthsOf(columns, [...head, ...rows]);
  const line = (cells: readonly Cell[]): string =>
    columns.map(({ align }, c) => {
      const cell = cells[c] ?? "";
      const text = textOf(cell);
      const shown = typeof cell === "string" || text === "" ? text : style(cell.paint, text);
      const padding = " ".repeat(widths[c] - displayWidth(text));
      return align === "right" ? padding + shown : shown + padding;
    }).join(GAP).trimEnd();
  return [...head, ...rows].map(line).join("\n");
}

/** Narrower titles are not broken further: short words share a line. */
const LEAST_TITLE = 8;

/** The titles, in one line; over several where the terminal is too narrow for that. */
function headingsWithin(width: number, columns: readonly Column[], rows: Table["rows"]): Painted[][] {
  const titles = columns.map(({ title }) => title);
  if (titles.every((title) => title === "")) return [];
  const needed = widthsOf(columns, [titles, ...rows]).reduce((sum, each) => sum + each + GAP.length, -GAP.length);
  const content = widthsOf(columns, rows);
  const lines = titles.map((title, c) =>
    needed <= width ? [title] : wrapWords(title, Math.max(content[c], LEAST_TITLE))
  );
  const height = Math.max(...lines.map(({ length }) => length));
  const lineAt = (title: readonly string[], i: number): string => title[i - height + title.length] ?? "";
  return Array.from({ length: height }, (_, i) => lines.map((title) => ({ text: lineAt(title, i), paint: "bold" })));
}

function widthsOf(columns: readonly Column[], rows: readonly (readonly Cell[])[]): number[] {
  return columns.map((_, c) => Math.max(0, ...rows.map((row) => displayWidth(textOf(row[c] ?? "")))));
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

/** Rows that fit `width` if wrapping the text of the last column can make them. */
function withLastColumnWrapped({ columns, rows }: Table, width: number): readonly (readonly Cell[])[] {
  const last = columns.length - 1;
  const taken = columns.slice(0, last).reduce((sum, { title }, c) => {
    const widest = Math.max(displayWidth(title), ...rows.map((row) => displayWidth(textOf(row[c] ?? ""))));
    return sum + widest + GAP.length;
  }, 0);
  const room = width - taken;
  if (room < LEAST_WRAPPED || columns[last]?.align === "right") return rows;
  return rows.flatMap((row) => {
    const cell = row[last] ?? "";
    const [first, ...others] = wrapWords(textOf(cell), room).map((text) =>
      typeof cell === "string" ? text : { ...cell, text }
    );
    return [[...row.slice(0, last), first], ...others.map((part) => [...Array<Cell>(last).fill(""), part])];
  });
}

/** Lines of at most `width` columns, broken at spaces; a longer word has a line for itself. */
export function wrapWords(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

const SEGMENTER = new Intl.Segmenter();
const WIDE = /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u;

/** Columns that text takes on a terminal; colour takes none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of SEGMENTER.segment(stripVTControlCharacters(text))) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** To `digits` significant digits, without an exponent where that stays short: 0.0123, 1230000, 1.2e-9. */
export function formatNumber(value: number, digits = 4): string {
  const magnitude = Math.abs(value);
  if (value === 0 || !Number.isFinite(value)) return String(value);
  if (magnitude >= 10 ** digits && magnitude < 1e15) return String(Math.round(value));
  if (magnitude < 1e-4) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}

/** 93.85 % */
export function formatPercent(fraction: number, decimals = 2): string {
  return `${(100 * fraction).toFixed(decimals)} %`;
}

/** 266.0 KiB */
export function formatBytes(bytes: number): string {
  return formatScaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** 1.985 G, of BOPS and MACs. */
export function formatCount(count: number): string {
  return formatScaled(count, 1000, ["", "k", "M", "G", "T", "P"]);
}

function formatScaled(value: number, base: number, units: readonly string[]): string {
  let power = 0;
  while (Math.abs(value) >= base && power < units.length - 1) {
    value /= base;
    power++;
  }
  const digits = power === 0 && Number.isInteger(value) ? String(value) : value.toPrecision(4);
  return `${digits} ${units[power]}`.trimEnd();
}

/** 8.42 ms, 1.20 s */
export function formatMilliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return ms >= 1 ? `${ms.toPrecision(3)} ms` : `${(ms * 1000).toPrecision(3)} us`;
}
