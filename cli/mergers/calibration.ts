import { checkCalibrationRecords, readCalibrationFrame } from "../../lib/calibrate/calibration_part.ts";
import { completeCalibration } from "../../lib/calibrate/calibrate.ts";
import { decodeObservations, mergeObservations, type Observations } from "../../lib/calibrate/observations.ts";
import { inputError, usageError, within } from "../../lib/format/error.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { shardOf } from "../../lib/format/part.ts";
import { decodeSafetensors } from "../../lib/format/safetensors.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { modelOf, requireSameModel, shortHash } from "../artefacts.ts";
import { calibrationReport, encodeCalibration, methodRecorded, openCalibrationSamples } from "../calibration.ts";
import { companionPath, displayName, readBytes, STREAM } from "../files.ts";
import { dataRequestOf, loadModel } from "../model.ts";
import type { LoadedPart, Merger } from "./merger.ts";

/**
 * Ranges need the statistics of all samples, and the comparison of methods needs the ranges: it is made here, on the same
 * model and the same data.
 */
export const calibrationMerger: Merger = {
  of: "dyad/calibration",
  runsModel: true,
  async merge({ parts, model: modelPath, data, target, terminal }) {
    if (modelPath === undefined || data === undefined) {
      const flag = modelPath === undefined ? "--model" : "--data";
      throw usageError(
        `the parts are of a dyad/calibration, whose methods are compared once all samples have been run; ${flag} is ` +
          `needed too, the same as for the parts`,
      );
    }
    const [{ name, content }] = parts;
    const frame = within(name, () => readCalibrationFrame(content.frame));
    const { input, limit, seed, preprocess } = frame;
    const model = loadModel(modelPath, { inputShape: [[input.name, input.shape]] });
    requireSameModel([{ name: model.name, model: model.sha256 }, modelOf(parts[0])]);
    const request = {
      ...dataRequestOf(model.graph),
      recorded: { name, preprocess },
    };
    const samples = openCalibrationSamples({ data, limit, seed }, request, terminal);
    const { dataset } = samples;
    if (dataset.sha256 !== content.inputs.data?.sha256 || dataset.count !== frame.samples) {
      throw inputError(
        `${displayName(data)} is not the data that ${name} was made from: found ${dataset.count} samples with the ` +
          `hash ${shortHash(dataset.sha256)}, expected ${frame.samples} with ${shortHash(content.inputs.data?.sha256)}`,
      );
    }
    const all = Array.from({ length: dataset.count }, (_, i) => i);
    const observed = parts.map((part) => within(part.name, () => readObservations(part, model.graph, all)));
    const files = await terminal.withProgress(
      "comparing methods",
      (onComparison) =>
        within(model.name, () =>
          completeCalibration(model.graph, dataset, mergeObservations(model.graph, observed), {
            method: methodRecorded(frame.method),
            onComparison,
          })),
    );
    const { text, companion } = encodeCalibration(files, samples, { inputs: content.inputs, options: content.options });
    await target.write(text, companion);
    return calibrationReport(files.content, target.name, target.companion);
  },
};

function readObservations({ path, content }: LoadedPart, graph: Graph, all: readonly number[]): Observations {
  if (path === STREAM) throw usageError('the part of a calibration is two files; name its file instead of "-"');
  const indices = shardOf(all, content.shard);
  checkCalibrationRecords(content.records, indices);
  const companion = companionPath(path);
  const bytes = readBytes(companion);
  if (sha256(bytes) !== content.tensorsFile?.sha256) {
    throw inputError(
      `${companion} hashes to ${shortHash(sha256(bytes))}, expected ${shortHash(content.tensorsFile?.sha256)}; make ` +
        `the part again`,
    );
  }
  return decodeObservations(graph, indices, decodeSafetensors(bytes, companion).tensors);
}
