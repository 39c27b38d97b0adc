import { sampleAsFloat } from "../format/dataset.ts";
import { inputError } from "../format/error.ts";
import type { Sensitivity } from "../format/sensitivity.ts";
import { CHUNK_IMAGES, type ChunkRecord, chunkSizes } from "./chunk.ts";
import { Observation } from "./observation.ts";
import type { Study } from "./study.ts";
import { makeTable } from "./table.ts";
import { trialKey } from "./trials.ts";

/**
 * What a caller may act on while the measurement runs: how many images are done, chunks of earlier runs included, parts
 * of an image by the work they are; and each finished chunk, to be saved.
 */
export type SensitivityEvent =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "chunk"; readonly record: ChunkRecord };

/**
 * Measures every layer at every candidate, one layer quantized at a time, and returns the table. `finished` are the
 * chunks that an interrupted run of an equal study yielded: they are not run again, and the table is the same to the
 * last bit, since sums are made within chunks and then over chunks, in order. Records from the first that does not fit
 * on are left aside.
 * @throws DyadError (input) for outputs that are not finite.
 */
export function* measureSensitivity(
  study: Study,
  finished: readonly ChunkRecord[] = [],
): Generator<SensitivityEvent, Sensitivity> {
  const sizes = chunkSizes(study.samples.length);
  const records = fittingRecords(study, sizes, finished);
  const parts = partsOf(study);
  const total = study.samples.length;
  let images = records.reduce((sum, record) => sum + record.images, 0);
  yield { kind: "progress", done: images, total };
  for (let chunk = records.length; chunk < sizes.length; chunk++) {
    const first = chunk * CHUNK_IMAGES;
    const sums = new Float64Array(sumCount(study));
    const baseline = new Float64Array(baselineCount(study));
    for (const sample of study.samples.slice(first, first + sizes[chunk])) {
      const float = runFloat(study, sample, baseline);
      let next = 0;
      for (const [i, layer] of study.layers.entries()) {
        for (const { change } of layer.trials) {
          const quantized = new Observation(study.engine.rerun(change), float.axis, float.label);
          for (const metric of study.outputMetrics) sums[next++] += metric.addend(quantized, float);
        }
        yield { kind: "progress", done: images + parts[i], total };
      }
      images++;
    }
    checkFinite(study, sums, first);
    const record = { chunk, images: sizes[chunk], sums: [...sums], baseline: [...baseline] };
    records.push(record);
    yield { kind: "chunk", record };
  }
  return makeTable(study, records);
}

function runFloat(study: Study, sample: number, baseline: Float64Array): Observation {
  const { dataset } = study.request;
  const output = study.engine.run(sampleAsFloat(dataset, sample));
  if (!output.every(Number.isFinite)) {
    throw inputError(
      `${dataset.name}: the float network's output for sample ${sample} holds NaN or infinity, expected finite ` +
        `numbers; check the model and the mean, std and scale of the data`,
    );
  }
  const float = new Observation(output, study.axis, dataset.labels?.[sample]);
  let next = 0;
  for (const metric of study.outputMetrics) if (metric.baseline) baseline[next++] += metric.baseline(float);
  return float;
}

function sumCount({ layers, outputMetrics }: Study): number {
  return layers.reduce((sum, { trials }) => sum + trials.length, 0) * outputMetrics.length;
}

function baselineCount({ outputMetrics }: Study): number {
  return outputMetrics.filter(({ baseline }) => baseline !== undefined).length;
}

function fittingRecords(study: Study, sizes: readonly number[], records: readonly ChunkRecord[]): ChunkRecord[] {
  const [sums, baselines] = [sumCount(study), baselineCount(study)];
  const misfit = records.findIndex(({ chunk, images, sums: found, baseline }, i) =>
    chunk !== i || images !== sizes[i] || found.length !== sums || baseline.length !== baselines
  );
  return records.slice(0, misfit < 0 ? records.length : misfit);
}

/**
 * Which part of the work on one image is done after each layer, by multiply-accumulate operations: the float run, then
 * every trial of a layer runs from that layer to the output.
 */
function partsOf({ layers }: Study): number[] {
  const macs = layers.map(({ layer }) => layer.macs);
  const suffix = macs.map((_, i) => macs.slice(i).reduce((a, b) => a + b, 0));
  let done = suffix[0];
  const after = layers.map(({ trials }, i) => done += trials.length * suffix[i]);
  return after.map((work) => work / done);
}

function checkFinite({ layers, outputMetrics, request }: Study, sums: Float64Array, firstSample: number): void {
  let next = 0;
  for (const { layer, trials } of layers) {
    for (const { trial } of trials) {
      for (const { name } of outputMetrics) {
        if (Number.isFinite(sums[next++])) continue;
        throw inputError(
          `layer "${layer.name}" at ${trialKey(trial)}: its score by ${name} over the images from number ` +
            `${firstSample} of ${request.dataset.name} on is ${sums[next - 1]}, expected a finite number; check the ` +
            `calibrated range of its input`,
        );
      }
    }
  }
}
