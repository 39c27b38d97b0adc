import { z } from "../format/schema.ts";
import { DYAD_VERSION, FileReference } from "../format/artefact.ts";
import { CHUNK_IMAGES } from "./chunk.ts";
import { SensitivityRecord } from "./record.ts";

/**
 * The journal of a measurement that is not finished: JSON lines, first a header with everything that the result depends
 * on, then the record of each finished unit of work, in any order. Numbers are written in the shortest decimal form that
 * reads back as the same float64. A line that was cut off, and what follows it, counts as not there.
 */
const JOURNAL_FORMAT = "dyad/sensitivity-journal";

const Header = z.strictObject({
  format: z.literal(JOURNAL_FORMAT),
  version: z.literal(2),
  dyad: z.string(),
  chunkImages: z.number(),
  inputs: z.record(z.string(), FileReference),
  options: z.record(z.string(), z.unknown()),
});
type Header = z.infer<typeof Header>;

/** What a measurement is made from, as its artefact will say. */
export type JournalSource = Pick<Header, "inputs" | "options">;

/** What could be read of a journal: the records to go on from, or why there are none. */
export interface Journal {
  readonly records: SensitivityRecord[];
  /** What is not as it was, each as a phrase: `the option limit`, `the file of data`. Empty when everything is. */
  readonly changes: string[];
}

export function encodeJournalHeader({ inputs, options }: JournalSource): string {
  const header: Header = {
    format: JOURNAL_FORMAT,
    version: 2,
    dyad: DYAD_VERSION,
    chunkImages: CHUNK_IMAGES,
    inputs,
    options,
  };
  return JSON.stringify(header) + "\n";
}

export function encodeRecord({ measurement, round, chunk, images, sums }: SensitivityRecord): string {
  return JSON.stringify({ measurement, round, chunk, images, sums }) + "\n";
}

/** Reads a journal for a measurement from `source`. One that belongs to another measurement gives no records. */
export function readJournal(text: string, source: JournalSource): Journal {
  const lines = text.split("\n").slice(0, -1); // what follows the last line feed was cut off, or is empty
  const found = Header.safeParse(parseLine(lines[0] ?? ""));
  if (!found.success) return { records: [], changes: ["the file, which is no journal of this version"] };
  const expected: Header = JSON.parse(encodeJournalHeader(source));
  const changes = [
    ...changedKeys("the file of ", found.data.inputs, expected.inputs),
    ...changedKeys("the option ", found.data.options, expected.options),
    ...(found.data.dyad === expected.dyad && found.data.chunkImages === expected.chunkImages ? [] : ["dyad itself"]),
  ];
  if (changes.length > 0) return { records: [], changes };
  const records: SensitivityRecord[] = [];
  for (const line of lines.slice(1)) {
    const record = SensitivityRecord.safeParse(parseLine(line));
    if (!record.success) break;
    records.push(record.data);
  }
  return { records, changes };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function changedKeys(what: string, found: Record<string, unknown>, expected: Record<string, unknown>): string[] {
  const keys = new Set([...Object.keys(found), ...Object.keys(expected)]);
  return [...keys].filter((key) => JSON.stringify(found[key]) !== JSON.stringify(expected[key])).sort()
    .map((key) => what + key);
}
