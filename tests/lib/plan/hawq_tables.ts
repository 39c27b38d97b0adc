/**
 * Writes the authors' ResNet18 measurements (testdata/hawq-v3/resnet18.json) as a sensitivity and a latency table in
 * the form that a person would type. To make the committed tables again:
 *
 *     deno run -R -W tests/lib/plan/hawq_tables.ts
 */
import { decimalOf, formatDecimal, multiply } from "../../../lib/plan/decimal.ts";

export interface HawqMeasurements {
  layers: {
    name: string;
    parameters: number;
    macs: number;
    averageHessianTrace: number;
    weightError: Record<string, number>;
    latencyMs: Record<string, number>;
  }[];
  tied: [string, string][];
  published: Record<string, { limit: number; used: number; omega: number; bits: number[] }>;
}

const WIDTHS = ["8", "4"];
const DIRECTORY = new URL("../../../testdata/hawq-v3/", import.meta.url);

export function readHawq(file: string): string {
  return Deno.readTextFileSync(new URL(file, DIRECTORY));
}

/** Scores are omega(b) = average Hessian trace * ||W - Q_b(W)||^2, all digits of the product. */
export function sensitivityTable({ layers, tied }: HawqMeasurements): string {
  const tiedTo = new Map(tied.map(([layer, shortcut]) => [shortcut, layer]));
  const rows = layers.map(({ name, parameters, macs, averageHessianTrace, weightError }) => {
    const candidates = WIDTHS.map((bits) => {
      const omega = formatDecimal(multiply(decimalOf(averageHessianTrace), decimalOf(weightError[bits])));
      return `{ "bits": ${bits}, "score": ${omega} }`;
    });
    const tie = tiedTo.has(name) ? `, "tiedTo": "${tiedTo.get(name)}"` : "";
    return `    { "name": "${name}", "parameters": ${parameters}, "macs": ${macs}${tie},\n` +
      `      "candidates": [${candidates.join(", ")}] }`;
  });
  return tableText("dyad/sensitivity", "", rows);
}

export function latencyTable({ layers }: HawqMeasurements): string {
  const rows = layers.map(({ name, latencyMs }) => {
    const candidates = WIDTHS.map((bits) => `{ "bits": ${bits}, "ms": ${latencyMs[bits]} }`);
    return `    { "name": "${name}", "candidates": [${candidates.join(", ")}] }`;
  });
  return tableText("dyad/latency", '  "machine": { "gpu": "NVIDIA T4", "batch": 8 },\n', rows);
}

function tableText(format: string, fields: string, rows: readonly string[]): string {
  return `{\n  "format": "${format}",\n  "version": 1,\n${fields}  "layers": [\n${rows.join(",\n")}\n  ]\n}\n`;
}

if (import.meta.main) {
  const source: HawqMeasurements = JSON.parse(readHawq("resnet18.json"));
  Deno.writeTextFileSync(new URL("resnet18.sensitivity.json", DIRECTORY), sensitivityTable(source));
  Deno.writeTextFileSync(new URL("resnet18.latency.json", DIRECTORY), latencyTable(source));
}
