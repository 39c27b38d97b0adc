import { inputError } from "./error.ts";

/**
 * Rows of comma-separated text (RFC 4180): cells may be quoted, `""` in a quoted cell is one quote. Blanks around
 * unquoted cells, blank lines, a byte order mark and carriage returns are dropped.
 * @throws DyadError (input) naming `where` and the line for a quote that is not closed or stands inside a cell.
 */
export function parseCsv(text: string, where: string): CsvRow[] {
  const rows: CsvRow[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [i, line] of lines.entries()) {
    if (line.trim() !== "") rows.push({ line: i + 1, cells: splitCells(line, `${where}: line ${i + 1}`) });
  }
  return rows;
}

export interface CsvRow {
  /** From 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

// A quoted or a plain cell and what ends it; linear on every input.
const CELL = /(?:\s*"([^"]*(?:""[^"]*)*)"\s*|([^",]*))(,|$)/y;

function splitCells(line: string, place: string): string[] {
  const cells: string[] = [];
  CELL.lastIndex = 0;
  for (;;) {
    const match = CELL.exec(line);
    if (match === null) throw inputError(`${place}: found a quote inside a cell or one that is not closed`);
    cells.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : match[2].trim());
    if (match[3] === "") return cells;
  }
}
