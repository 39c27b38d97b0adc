import type { ArtefactHeader } from "../format/artefact.ts";
import type { Latency, Machine, Measurement } from "../format/latency.ts";

/** Facts of a machine that are not always known; where either side does not know one, it does not tell them apart. */
const OPTIONAL_FACTS = ["processor"];

/**
 * The measurements of an earlier table by key, or why they are of no use: made by another version of the program, on
 * another machine or backend, or by hand.
 */
export function reusableMeasurements(
  { dyad, machine: there, measurements = [] }: Pick<Latency, "machine" | "measurements"> & Pick<ArtefactHeader, "dyad">,
  here: Machine,
  version: string,
): ReadonlyMap<string, Measurement> | string {
  if (there === undefined || measurements.length === 0) return "holds no measurements";
  if (dyad !== version) return `was made by dyad ${dyad || "of no known version"}, this is ${version}`;
  for (const fact of new Set([...Object.keys(here), ...Object.keys(there)])) {
    if (here[fact] === there[fact]) continue;
    if (OPTIONAL_FACTS.includes(fact) && (here[fact] === undefined || there[fact] === undefined)) continue;
    return `was measured with ${fact} ${there[fact] ?? "unknown"}, here it is ${here[fact] ?? "unknown"}`;
  }
  return new Map(measurements.map((measurement) => [measurement.key, measurement]));
}
