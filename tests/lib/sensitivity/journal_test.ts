import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeJournalHeader,
  encodeRecord,
  type JournalSource,
  readJournal,
} from "../../../lib/sensitivity/journal.ts";
import type { SensitivityRecord } from "../../../lib/sensitivity/record.ts";

const SOURCE: JournalSource = {
  inputs: { model: { sha256: "a".repeat(64) }, data: { sha256: "b".repeat(64) } },
  options: { candidates: ["8/8", "4/4"], limit: 16 },
};
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0); // a sum from 0 on is never -0
const recordLists = fc.array(
  fc.record({
    measurement: fc.constantFrom("trials", "fisher"),
    round: fc.nat(9),
    chunk: fc.nat(9),
    images: fc.integer({ min: 1, max: 8 }),
    sums: fc.array(finite),
  }, { noNullPrototype: true }),
  { maxLength: 4 },
);
const record = (chunk: number, sums = [1]): SensitivityRecord => ({
  measurement: "trials",
  round: 0,
  chunk,
  images: 8,
  sums,
});

function journalOf(records: readonly SensitivityRecord[], source = SOURCE): string {
  return encodeJournalHeader(source) + records.map(encodeRecord).join("");
}

Deno.test("records come back bit for bit", () => {
  fc.assert(fc.property(recordLists, (records) => {
    const { records: found, changes } = readJournal(journalOf(records), SOURCE);
    assert.deepEqual(changes, []);
    assert.deepEqual(found, records);
  }));
});

Deno.test("a journal cut off anywhere gives the records whose lines are whole", () => {
  const records = [0, 2, 1].map((chunk) => record(chunk, [chunk / 3, 1e-9]));
  const text = journalOf(records);
  const header = encodeJournalHeader(SOURCE).length;
  for (let length = 0; length <= text.length; length++) {
    const { records: found } = readJournal(text.slice(0, length), SOURCE);
    const whole = Math.max(0, text.slice(0, length).split("\n").length - 2);
    assert.deepEqual(found, length < header ? [] : records.slice(0, whole));
  }
});

Deno.test("records may come in any order, but none after a damaged one counts", () => {
  const records = [0, 1, 2].map((chunk) => record(chunk));
  const [header, first, second, third] = journalOf(records).split("\n");
  const read = (...lines: string[]) => readJournal(lines.map((line) => line + "\n").join(""), SOURCE).records.length;
  assert.equal(read(header, first, second, third), 3);
  assert.equal(read(header, first, second.slice(0, -3), third), 1);
  assert.equal(read(header, third, first), 2);
  assert.equal(read(header, first, "", third), 1);
  assert.equal(read(header, first, second.replace("[1]", "[null]"), third), 1);
  assert.equal(read(header, first, second.replace('"chunk":1', '"chunk":-1'), third), 1);
  assert.equal(read(header, first, '{"chunk":1,"images":8,"sums":[1],"baseline":[]}', third), 1);
});

Deno.test("a journal of another measurement gives no records and names what changed", () => {
  const text = journalOf([record(0)]);
  const changesFor = (source: JournalSource) => readJournal(text, source);
  const { inputs, options } = SOURCE;
  assert.deepEqual(changesFor({ inputs, options: { ...options, limit: 17 } }), {
    records: [],
    changes: ["the option limit"],
  });
  assert.deepEqual(changesFor({ inputs, options: { ...options, candidates: ["8/8"] } }).changes, [
    "the option candidates",
  ]);
  assert.deepEqual(changesFor({ inputs, options: { ...options, seed: 1 } }).changes, ["the option seed"]);
  assert.deepEqual(
    changesFor({ inputs: { ...inputs, data: { sha256: "c".repeat(64) }, labels: { sha256: "d".repeat(64) } }, options })
      .changes,
    ["the file of data", "the file of labels"],
  );
  assert.deepEqual(readJournal(text.replace("0.1.0", "0.0.9"), SOURCE).changes, ["dyad itself"]);
});

Deno.test("options that are left out are as good as undefined ones", () => {
  const source = { ...SOURCE, options: { ...SOURCE.options, seed: undefined } };
  assert.deepEqual(readJournal(journalOf([], source), SOURCE).changes, []);
});

const OLD = encodeJournalHeader(SOURCE).replace('"version":2', '"version":1');

for (const text of [OLD, "", "not a journal\n", "{}\n", '{"format":"dyad/sensitivity-journal","version":3}\n']) {
  Deno.test(`${JSON.stringify(text)} is no journal`, () => {
    const { records, changes } = readJournal(text, SOURCE);
    assert.deepEqual(records, []);
    assert.match(changes.join(), /no journal of this version/);
  });
}
