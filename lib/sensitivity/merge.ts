import { inputError } from "../format/error.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { z } from "../format/schema.ts";
import { Frame } from "./frame.ts";
import { recordFits, SensitivityRecord, unitName, unitsOf } from "./record.ts";
import { assembleTable } from "./table.ts";

/**
 * The table from the frame and the records of all parts of a measurement, in any order, as an undivided run makes it.
 * @throws DyadError (input) for content that no part has, and for units of work that are missing or there twice.
 */
export function mergeSensitivity(frame: unknown, records: readonly unknown[]): Sensitivity {
  const content = readFrame(frame);
  const found = records.map((record, i) => readRecord(content, record, i));
  const expected = new Set(unitsOf(content, 0, content.probes ?? 1).map(unitName));
  const seen = new Set<string>();
  for (const record of found) {
    const name = unitName(record);
    if (!expected.has(name)) throw inputError(`found the unit of work "${name}", which the parts do not consist of`);
    if (seen.has(name)) throw inputError(`found the unit of work "${name}" twice, expected each once`);
    seen.add(name);
  }
  const missing = [...expected].find((name) => !seen.has(name));
  if (missing !== undefined) {
    throw inputError(
      `found ${seen.size} of ${expected.size} units of work, "${missing}" is missing; make its part again`,
    );
  }
  return assembleTable(content, found);
}

function readFrame(frame: unknown): Frame {
  const read = Frame.safeParse(frame);
  if (read.success) return read.data;
  throw inputError(`the frame is not one of a sensitivity table: ${z.prettifyError(read.error)}`);
}

function readRecord(frame: Frame, record: unknown, index: number): SensitivityRecord {
  const read = SensitivityRecord.safeParse(record);
  if (!read.success) throw inputError(`record ${index} is not one of sensitivity: ${z.prettifyError(read.error)}`);
  if (recordFits(frame, read.data)) return read.data;
  throw inputError(`record ${index}, of the unit of work "${unitName(read.data)}", does not fit the frame`);
}
