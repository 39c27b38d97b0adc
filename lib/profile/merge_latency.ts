import { inputError } from "../format/error.ts";
import {
  type Latency,
  LatencyFrame,
  type LatencyNetwork,
  type LatencyParts,
  LatencyRecords,
  type Measurement,
} from "../format/latency.ts";
import { candidateName } from "../format/plan.ts";
import type { z } from "../format/schema.ts";
import { roundToNanoseconds } from "./measure.ts";

const OVERHEAD =
  "mean over the candidates of the time of what belongs to no layer: additions, pools, concatenations, " +
  "loading the input and reading the output";

/**
 * The latency table that a frame and the measurements of all its keys make, in whatever order these come.
 * @throws DyadError (input) for a frame or records of another form, and for a key that is measured twice, not at all, or
 * not of the frame.
 */
export function mergeLatency(frame: unknown, records: readonly unknown[]): Latency {
  const { machine, keys, layers, overhead, networks } = parsed(LatencyFrame, frame, "frame");
  const measurements = inOrder(keys, parsed(LatencyRecords, records, "records"));
  const outside = overhead.map(({ parts, ...bits }) => ({ ...bits, ms: sumOf(parts, measurements, medianOf) }));
  const overheadMs = roundToNanoseconds(outside.reduce((sum, { ms }) => sum + ms, 0) / outside.length);
  const table = layers.map(({ name, candidates }) => ({
    name,
    candidates: candidates.map(({ parts, ...bits }) => ({
      ...bits,
      ms: sumOf(parts, measurements, medianOf),
      quartiles: [0, 1].map((i) => sumOf(parts, measurements, ({ quartiles }) => quartiles[i])) as [number, number], // two
      parts,
    })),
  }));
  const times = table.map(({ candidates }) => new Map(candidates.map((each) => [candidateName(each), each.ms])));
  return {
    unit: "ms",
    machine,
    overheadMs,
    overhead: { definition: OVERHEAD, candidates: outside },
    layers: table,
    networks: networks.map((network): LatencyNetwork => {
      const { ms: measuredMs, quartiles } = measurementOf(measurements, network.key);
      const predictedMs = roundToNanoseconds(times.reduce((sum, byCandidate, i) => {
        const bits = typeof network.bits === "string" ? network.bits : network.bits[i];
        const ms = byCandidate.get(bits);
        if (ms === undefined) {
          throw inputError(`network ${network.name}: ${layers[i].name} was not measured at ${bits}`);
        }
        return sum + ms;
      }, overheadMs));
      return { ...network, predictedMs, measuredMs, quartiles, difference: difference(predictedMs, measuredMs) };
    }),
    measurements: [...measurements.values()],
  };
}

/** (predicted - measured) / measured to four digits after the point; 0 where nothing took any time. */
function difference(predicted: number, measured: number): number {
  return measured === 0 ? 0 : Math.round(1e4 * (predicted - measured) / measured) / 1e4;
}

function medianOf({ ms }: Measurement): number {
  return ms;
}

function sumOf(
  parts: LatencyParts,
  measurements: ReadonlyMap<string, Measurement>,
  time: (measurement: Measurement) => number,
): number {
  return roundToNanoseconds(
    Object.entries(parts).reduce((sum, [key, share]) => sum + share * time(measurementOf(measurements, key)), 0),
  );
}

function measurementOf(measurements: ReadonlyMap<string, Measurement>, key: string): Measurement {
  const found = measurements.get(key);
  if (found === undefined) throw inputError(`"${key}" counts for a time, but is not a key of the table`);
  return found;
}

/** The measurements by key, in the order of the keys. */
function inOrder(keys: readonly string[], records: readonly Measurement[]): Map<string, Measurement> {
  const found = new Map(records.map((record) => [record.key, record]));
  const twice = records.find((record) => found.get(record.key) !== record);
  if (twice !== undefined) throw inputError(`"${twice.key}" is measured twice, expected each key once`);
  const missing = keys.filter((key) => !found.has(key));
  if (missing.length > 0) {
    throw inputError(`${missing.length} of ${keys.length} keys are not measured, the first is "${missing[0]}"`);
  }
  const known = new Set(keys);
  const strange = records.find(({ key }) => !known.has(key));
  if (strange !== undefined) throw inputError(`"${strange.key}" is measured, but not a key of the table`);
  return new Map(keys.map((key) => [key, found.get(key)!]));
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const { path, message } = error.issues[0];
  throw inputError(`not the ${what} of a latency table: ${path.map(String).join(".")}: ${message}`);
}
