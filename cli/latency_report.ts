import type { Latency, Machine } from "../lib/format/latency.ts";
import { candidateName } from "../lib/format/plan.ts";
import { type Block, facts, formatMilliseconds, numeric, type Report, type Table } from "./report.ts";

export interface LatencyRun {
  readonly output: string;
  /** How many of the keys were not measured but taken from an earlier table. */
  readonly reused: number;
  readonly keys: number;
  readonly from?: string;
}

export function latencyReport(content: Latency, run: LatencyRun): Report {
  const { layers, networks = [], machine = {}, overheadMs } = content;
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
    blocks: [layerTable(content), networkTable(networks), summary(content, run, machine)],
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
    columns: [{ title: "network" }, numeric("sum of layers"), numeric("measured"), numeric("quartiles"), numeric("")],
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
  { overheadMs, overhead, measurements = [] }: Latency,
  { output, reused, keys, from }: LatencyRun,
  machine: Machine,
): Block {
  const outside = (overhead?.candidates ?? []).map(({ ms }) => ms);
  const spread = [Math.min(...outside), Math.max(...outside)].map(formatMilliseconds).join(" to ");
  const times = measurements.map((measurement) => measurement.rounds);
  const rounds = new Set([Math.min(...times), Math.max(...times)]);
  const { processor, os, arch, backend } = machine;
  return facts([
    ["machine", [processor ?? `${os} ${arch}`, backend, "1 thread"].join(", ")],
    ["outside layers", `${formatMilliseconds(overheadMs)} (${spread} by candidate)`],
    ["measured", `${keys - reused} of ${keys} steps and networks, ${[...rounds].join(" to ")} times each`],
    ...(from === undefined ? [] : [["reused", `${reused} of ${keys} from ${from}`] as const]),
    ["written", output],
  ]);
}
