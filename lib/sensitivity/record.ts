import { z } from "../format/schema.ts";
import { chunkSizes } from "./chunk.ts";
import type { Frame } from "./frame.ts";
import { measurementNamed, measurementsOf } from "./measurements/mod.ts";

const UNIT = {
  measurement: z.string().describe("what was measured"),
  round: z.int().nonnegative().describe("which round of it over all samples, from 0"),
  chunk: z.int().nonnegative().describe("position among the chunks of samples, from 0"),
};
const UnitFields = z.strictObject(UNIT);

/** A unit of work: one measurement of the samples of one chunk in one round. Units may be computed in any order. */
export type Unit = Readonly<z.infer<typeof UnitFields>>;

/** What a unit of work found; what an interrupted run need not do again. */
export const SensitivityRecord = z.strictObject({
  ...UNIT,
  images: z.int().positive().describe("how many images the chunk has"),
  sums: z.array(z.number()).describe("what they add to each quantity of the measurement, in its order"),
});
export type SensitivityRecord = Readonly<z.infer<typeof SensitivityRecord>>;

/** `trials, round 0, chunk 3`: equal for equal units. */
export function unitName({ measurement, round, chunk }: Unit): string {
  return `${measurement}, round ${round}, chunk ${chunk}`;
}

/**
 * The units of work from round `first` up to, not including, round `end`, in the order in which sums are added and shards
 * are dealt out. Measurements of one round have only round 0.
 */
export function unitsOf(frame: Frame, first: number, end: number): Unit[] {
  const chunks = chunkSizes(frame.samples).map((_, chunk) => chunk);
  return measurementsOf(frame.metrics).flatMap(({ name, rounds }) => {
    const last = rounds === "one" ? Math.min(1, end) : end;
    const own = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
    return own.flatMap((round) => chunks.map((chunk) => ({ measurement: name, round, chunk })));
  });
}

/** Whether a record can be one of the frame's: of a unit that it has, with as many images and sums. */
export function recordFits(
  frame: Frame,
  { measurement: name, round, chunk, images, sums }: SensitivityRecord,
): boolean {
  const measurement = measurementsOf(frame.metrics).find((each) => each.name === name);
  if (measurement === undefined || (measurement.rounds === "one" && round > 0)) return false;
  return chunkSizes(frame.samples)[chunk] === images && sums.length === measurement.quantities(frame).length;
}

/** The records of rounds before `end` in the order of their units, of several of one unit the first. */
export function recordsInOrder(
  frame: Frame,
  records: readonly SensitivityRecord[],
  end: number,
): SensitivityRecord[] {
  const byUnit = new Map(records.toReversed().map((record) => [unitName(record), record]));
  return unitsOf(frame, 0, end).flatMap((unit) => byUnit.get(unitName(unit)) ?? []);
}

/** How many rounds of random probes `records` hold, complete or not. */
export function roundsOf(records: readonly SensitivityRecord[]): number {
  const many = records.filter(({ measurement }) => measurementNamed(measurement).rounds === "many");
  return many.reduce((most, { round }) => Math.max(most, round + 1), 0);
}
