import type { CalibrationContent, CalibrationFiles } from "../lib/calibrate/calibrate.ts";
import { type CalibrationMethod, methodNamed } from "../lib/calibrate/method.ts";
import { type ArtefactHeader, encodeArtefact } from "../lib/format/artefact.ts";
import { AUTO_METHOD, CalibrationCodec, type WidthChoice } from "../lib/format/calibration.ts";
import type { Dataset } from "../lib/format/dataset.ts";
import { sha256 } from "../lib/format/hash.ts";
import { encodeSafetensors } from "../lib/format/safetensors.ts";
import { selectSamples } from "../lib/format/select_samples.ts";
import { chooseSamples } from "./choose_samples.ts";
import { type DataRequest, openData } from "./data.ts";
import type { DataFlags } from "./flags.ts";
import { facts, formatNumber, numeric, type Report, type Table } from "./report.ts";
import type { Terminal } from "./terminal.ts";

/** The samples that calibration runs. */
export interface CalibrationSamples {
  readonly dataset: Dataset;
  /** Index in the data of the first of them. */
  readonly first: number;
}

/** The samples that flags choose: the first ones, or with a seed a random choice. @throws DyadError as `openData`. */
export function openCalibrationSamples(
  flags: DataFlags & { readonly seed?: number },
  request: DataRequest,
  terminal: Pick<Terminal, "note">,
): CalibrationSamples {
  const { limit, seed } = flags;
  const all = openData({ ...flags, limit: seed === undefined ? limit : undefined }, request, terminal);
  const samples = selectSamples(all.count, { limit, seed });
  return { dataset: chooseSamples(all, samples), first: samples[0] };
}

/** How the method of a calibration is recorded. */
export function recordedMethod(method: CalibrationMethod | typeof AUTO_METHOD): string {
  return method === AUTO_METHOD ? AUTO_METHOD : method.name;
}

/** The method that was recorded so. @throws DyadError (usage) for one that there is not. */
export function methodRecorded(name: string): CalibrationMethod | typeof AUTO_METHOD {
  return name === AUTO_METHOD ? AUTO_METHOD : methodNamed(name);
}

/** The two files of a calibration. */
export function encodeCalibration(
  { content, tensors }: CalibrationFiles,
  { dataset, first }: CalibrationSamples,
  header: Pick<ArtefactHeader, "inputs" | "options">,
): { text: string; companion: Uint8Array } {
  const companion = encodeSafetensors(tensors);
  const data = { sha256: dataset.sha256, first };
  const artefact = { ...content, data, tensorsFile: { sha256: sha256(companion) }, ...header };
  return { text: encodeArtefact(CalibrationCodec, artefact), companion };
}

export function calibrationReport(
  { method, choices = {}, samples, tensors, weights }: CalibrationContent,
  output: string,
  companion: string | undefined,
): Report {
  const widths = Object.entries(choices)
    .filter(([, { measuredBits }]) => measuredBits === undefined)
    .sort(([a], [b]) => Number(b) - Number(a));
  return {
    json: { output, tensorsFile: companion, method, choices, samples, tensors: tensors.length },
    blocks: [
      ...(widths.length === 0 ? [] : [choiceTable(widths)]),
      facts([
        ["samples", String(samples)],
        ["tensors", `${tensors.length}, and the weights of ${weights.length} layers`],
        ["method", method],
        ["written", companion === undefined ? output : `${output}, ${companion}`],
      ]),
    ],
  };
}

/** What `auto` stands for at each width, and how far it moves the network's output. */
function choiceTable(widths: readonly (readonly [bits: string, choice: WidthChoice])[]): Table {
  return {
    columns: [numeric("bits"), { title: "activations" }, numeric("KL"), { title: "weights" }, numeric("KL")],
    rows: widths.map(([bits, choice]) => [
      bits,
      choice.activations,
      formatNumber(choice.activationErrors[choice.activations] ?? NaN),
      choice.weights,
      formatNumber(choice.weightErrors[choice.weights] ?? NaN),
    ]),
  };
}
