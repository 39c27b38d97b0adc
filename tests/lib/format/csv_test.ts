import assert from "node:assert/strict";
import { parseCsv } from "../../../lib/format/csv.ts";
import { expectError } from "./expect_error.ts";

function cells(text: string): string[][] {
  return parseCsv(text, "t.csv").map((row) => [...row.cells]);
}

Deno.test("csv: cells, blanks, quotes, line ends and a byte order mark", () => {
  assert.deepEqual(cells("a,b\n1,2\n"), [["a", "b"], ["1", "2"]]);
  assert.deepEqual(cells("\ufeffa , b\r\n\r\n 1,\r2"), [["a", "b"], ["1", ""], ["2"]]);
  assert.deepEqual(cells('"a,b", "say ""x"" " ,c'), [["a,b", 'say "x" ', "c"]]);
  assert.deepEqual(cells(""), []);
  assert.deepEqual(cells(","), [["", ""]]);
});

Deno.test("csv: rows know their line", () => {
  assert.deepEqual(parseCsv("\na\n\nb", "t.csv").map((row) => row.line), [2, 4]);
});

Deno.test("csv: a quote that is not closed, or inside a cell, is an input error with its line", () => {
  expectError("input", () => cells('a\n"b'), "t.csv: line 2: found a quote");
  expectError("input", () => cells('a"b'), "line 1");
});

Deno.test("csv: long lines of blanks and quotes take no time", () => {
  const start = performance.now();
  expectError("input", () => cells(" ".repeat(200_000) + 'x"'), "quote");
  expectError("input", () => cells('"' + '""'.repeat(100_000)), "quote");
  assert.ok(performance.now() - start < 2000);
});
