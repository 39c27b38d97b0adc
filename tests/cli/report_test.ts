import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { formatDuration, ProgressBar, progressLine } from "../../cli/progress.ts";
import {
  displayWidth,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatNumber,
  formatPercent,
  numeric,
  renderBlocks,
  renderTable,
  styleFor,
  wrapWords,
} from "../../cli/report.ts";

const ESCAPE = String.fromCharCode(27);

const table = {
  columns: [{ title: "layer" }, numeric("bits"), { title: "état" }],
  rows: [["conv1", "8", { text: "ok", paint: "green" as const }], ["日本", "16", ""]],
};

Deno.test("tables are aligned by what a terminal shows", () => {
  assert.equal(renderTable(table, styleFor(false)), "layer  bits  état\nconv1     8  ok\n日本     16");
  assert.equal(renderBlocks(["a", { ...table, rows: [] }], styleFor(false)), "a\n\nlayer  bits  état");
  assert.equal(displayWidth("e\u0301日"), 3);
  assert.equal(displayWidth(styleFor(true)("green", "ok")), 2);
});

Deno.test("text and the last column of a table stay within the terminal, broken at spaces", () => {
  const rows = [["a", "quite a long text for so narrow a column", "that goes over several lines"], ["b", "c", "d"]];
  const claims = { columns: [{ title: "" }, { title: "" }, { title: "" }], rows };
  const [first] = rows;
  assert.equal(
    renderTable(claims, styleFor(false), 71),
    `a  ${first[1]}  ${first[2]}\nb  c${" ".repeat(41)}d`.replace(
      "several lines",
      `several\n${" ".repeat(45)}lines`,
    ),
  );
  assert.equal(renderTable(claims, styleFor(false), 60), renderTable(claims, styleFor(false)), "too narrow to try");
  assert.equal(renderTable(claims, styleFor(false), 73), renderTable(claims, styleFor(false)), "it fits");
  assert.equal(renderBlocks(["one two three\n  four"], styleFor(false), 7), "one two\nthree\n  four");
  assert.deepEqual(wrapWords("a longest-word b", 5), ["a", "longest-word", "b"]);
});

Deno.test("titles of columns go over several lines where the table is too wide otherwise", () => {
  const plans = {
    columns: [{ title: "metric" }, numeric("bits per weight"), numeric("differing layers"), numeric("KL")],
    rows: [["fisher", "3.482", "", "0.02"], ["kl", "3.5", "12", "0.1"]],
  };
  const whole = renderTable(plans, styleFor(false));
  assert.equal(whole.split("\n")[0], "metric  bits per weight  differing layers    KL");
  assert.equal(renderTable(plans, styleFor(false), 47), whole);
  assert.equal(
    renderTable(plans, styleFor(false), 46),
    [
      "        bits per  differing",
      "metric    weight     layers    KL",
      "fisher     3.482             0.02",
      "kl           3.5         12   0.1",
    ].join("\n"),
  );
});

Deno.test("colour changes nothing but colour", () => {
  const painted = renderTable(table, styleFor(true));
  assert.ok(painted.includes(`${ESCAPE}[32mok${ESCAPE}[39m`));
  assert.equal(stripVTControlCharacters(painted), renderTable(table, styleFor(false)));
});

Deno.test("numbers for people", () => {
  assert.deepEqual([0, 1, 0.012345, 12345.6, 1.23456e-9, -3.14159, NaN].map((value) => formatNumber(value)), [
    ...["0", "1", "0.01235", "12346", "1.235e-9", "-3.142", "NaN"],
  ]);
  assert.deepEqual([0, 12, 1024, 135680, 7 * 2 ** 20].map(formatBytes), [
    "0 B",
    "12 B",
    "1.000 KiB",
    "132.5 KiB",
    "7.000 MiB",
  ]);
  assert.deepEqual([640, 31021952].map(formatCount), ["640", "31.02 M"]);
  assert.deepEqual([0.25, 8.4219, 1500].map(formatMilliseconds), ["250 us", "8.42 ms", "1.50 s"]);
  assert.equal(formatPercent(0.9385), "93.85 %");
});

Deno.test("progress: how much, and how long still", () => {
  assert.equal(progressLine("running", 0, 8, 0), `running [${"-".repeat(24)}] 0/8 0 %`);
  assert.equal(progressLine("running", 6, 8, 3000), `running [${"#".repeat(18)}------] 6/8 75 %, 1 s left`);
  assert.deepEqual([900, 61_000, 7_260_000].map(formatDuration), ["1 s", "1 min 01 s", "2 h 01 min"]);
});

Deno.test("progress is drawn seldom, within the terminal's width, and taken away", () => {
  const written: string[] = [];
  let now = 0;
  const bar = new ProgressBar("running", (text) => written.push(stripVTControlCharacters(text)), () => 20, () => now);
  for (let i = 0; i <= 1000; i++) {
    now = i;
    bar.update(i, 1000);
  }
  bar.clear();
  assert.equal(written.length, 12); // every 100 ms, and the clearing
  for (const line of written.slice(0, -1)) assert.match(line, /^\r.{19}$/);
  assert.equal(written.at(-1), "\r");
});
