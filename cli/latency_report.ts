import type { Latency } from "../lib/format/latency.ts";
import type { Shard } from "../lib/format/part.ts";
import { candidateName } from "../lib/format/plan.ts";
import { type Block, facts, formatMilliseconds, numeric, type Report, type Table } from "./report.ts";
import { partReport } from "./shard.ts";

export interface LatencyRun {
  readonly output: string;
  /** What was not measured but taken from an earlier table, if one was looked into. */
  readonly reuse?: Reuse;
}

export interface Reuse {
  readonly reused: number;
  /** How many were needed. */
  readonly keys: number;
  readonly from: string;
}

/** What a shard of a latency table has done. */
export function latencyPartReport(shard: Shard, measurements: number, { output, reuse }: LatencyRun): Report {
  const part = { of: "dyad/latency", shard } as const;
  return partReport(part, `${measurements} measurements`, { name: output }, {
    json: { reuse },
    facts: reuseFacts(reuse),
  });
}

export function latencyReport(content: Latency, run: LatencyRun): Report {
  const { layers, networks = [], machine, overheadMs } = content;
  return {
    json: {
      ...run,
      machine,
      overheadMs,
      layers: layers.map(({ name, candidates }) => ({
        name,
        ms: Object.fromEntries(candidates.map((candidate) => [candidateName(candidate), candidate.ms])),
      })),
      networks,
    },
    blocks: [layerTable(content), networkTable(networks), summary(content, run)],
  };
}

function layerTable({ layers }: Latency): Table {
  const names = layers[0].candidates.map(candidateName);
  return {
    isDetail: true,
    columns: [{ title: "layer" }, ...names.map(numeric)],
    rows: layers.map(({ name, candidates }) => [name, ...candidates.map(({ ms }) => formatMilliseconds(ms))]),
  };
}

function networkTable(networks: Latency["networks"] & object): Table {
  return {
    columns: [
      { title: "network" },
      numeric("sum of layers"),
      numeric("measured"),
      numeric("quartiles"),
      numeric("difference"),
    ],
    rows: networks.map(({ name, predictedMs, measuredMs, quartiles, difference }) => [
      name,
      formatMilliseconds(predictedMs),
      formatMilliseconds(measuredMs),
      quartiles.map(formatMilliseconds).join(" to "),
      `${difference < 0 ? "" : "+"}${(100 * difference).toFixed(1)} %`,
    ]),
  };
}

function summary(
  { overheadMs, overhead, measurements = [], machine = {} }: Latency,
  { output, reuse }: LatencyRun,
): Block {
  const outside = (overhead?.candidates ?? []).map(({ ms }) => ms);
  const spread = [Math.min(...outside), Math.max(...outside)].map(formatMilliseconds).join(" to ");
  const times = measurements.map(({ rounds }) => rounds);
  const rounds = new Set([Math.min(...times), Math.max(...times)]);
  const { processor, os, arch, backend, threads } = machine;
  return facts([
    [
      "machine",
      [processor ?? `${os} ${arch}`, backend, `${threads} ${threads === 1 ? "thread" : "threads"}`].join(", "),
    ],
    ["outside layers", `${formatMilliseconds(overheadMs)} (${spread} by candidate)`],
    ["measurements", `${measurements.length} steps and networks, ${[...rounds].join(" to ")} times each`],
    ...reuseFacts(reuse),
    ["written", output],
  ]);
}

function reuseFacts(reuse: Reuse | undefined): (readonly [string, string])[] {
  return reuse === undefined ? [] : [["reused", `${reuse.reused} of ${reuse.keys} from ${reuse.from}`]];
}
