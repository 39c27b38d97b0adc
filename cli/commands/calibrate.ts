import { calibrationFrame, type CalibrationRecord } from "../../lib/calibrate/calibration_part.ts";
import { calibrateGraph } from "../../lib/calibrate/calibrate.ts";
import { methodNamed, optionValue } from "../../lib/calibrate/method.ts";
import { encodeObservations, observeSamples } from "../../lib/calibrate/observations.ts";
import type { ObserverOption } from "../../lib/calibrate/observer.ts";
import { OBSERVERS } from "../../lib/calibrate/observers/mod.ts";
import { encodeArtefact } from "../../lib/format/artefact.ts";
import { AUTO_METHOD } from "../../lib/format/calibration.ts";
import { type Dataset, sampleAsPixels } from "../../lib/format/dataset.ts";
import { DyadError, usageError, within } from "../../lib/format/error.ts";
import { sha256 } from "../../lib/format/hash.ts";
import { type Part, PartCodec, shardOf } from "../../lib/format/part.ts";
import { encodeSafetensors } from "../../lib/format/safetensors.ts";
import { inputsOf, optionsOf } from "../artefacts.ts";
import { FLOAT_BACKEND_FLAG, resolveFloatBackend } from "../backend.ts";
import { calibrationReport, encodeCalibration, openCalibrationSamples, recordedMethod } from "../calibration.ts";
import { defineCommand } from "../command.ts";
import { artefactTarget } from "../files.ts";
import { defaultFlag, FILE, type Flag, optionalFlag, positional, POSITIVE_INTEGER, SEED, TEXT } from "../flag.ts";
import { MODEL_FLAGS, OUTPUT_PAIR_FLAGS, SAMPLE_FLAGS } from "../flags.ts";
import { dataRequestOf, loadModel } from "../model.ts";
import { partReport, SHARD_FLAG } from "../shard.ts";
import type { Terminal } from "../terminal.ts";

const METHOD_OPTIONS = OBSERVERS.flatMap(({ name, options }) => options.map((option) => ({ observer: name, option })));

/** `--percentile <number>` and so on, one for each option of each method. */
const METHOD_FLAGS: Readonly<Record<string, Flag<number | undefined>>> = Object.fromEntries(
  METHOD_OPTIONS.map(({ observer, option }) => [option.name, methodFlag(observer, option)]),
);

function methodFlag(observer: string, option: ObserverOption): Flag<number | undefined> {
  return optionalFlag(
    `--${option.name} <number>`,
    `for --method ${observer}: ${option.description}, ${option.low} to ${option.high} (default: ${option.default})`,
    { parse: (text) => optionValue(option, text) },
  );
}

export const calibrate = defineCommand({
  name: "calibrate",
  summary: "Run data through a float model and record the range of every tensor",
  details: `Statistics are collected once and every method reads them, so a later step may choose another:\n` +
    OBSERVERS.map(({ name, description }) => `  ${name}: ${description}`).join("\n"),
  positionals: { model: positional("ONNX model", FILE) },
  flags: {
    ...SAMPLE_FLAGS,
    limit: optionalFlag(
      "--limit <n>",
      "take only the first n samples, or with --seed a random choice",
      POSITIVE_INTEGER,
    ),
    seed: optionalFlag("--seed <n>", "choose the samples at random, the same for the same seed", SEED),
    method: defaultFlag(
      "--method <name>",
      "method that later steps use; auto takes what is measured to be best at each width",
      {
        ...TEXT,
        choices: [AUTO_METHOD, ...OBSERVERS.map(({ name }) => name)],
      },
      AUTO_METHOD,
    ),
    ...METHOD_FLAGS,
    batch: defaultFlag(
      "--batch <n>",
      "samples whose statistics are collected together before they are merged; the result is the same",
      POSITIVE_INTEGER,
      "32",
    ),
    ...FLOAT_BACKEND_FLAG,
    ...SHARD_FLAG,
    ...MODEL_FLAGS,
    ...OUTPUT_PAIR_FLAGS,
  },
  examples: [
    "dyad calibrate model.onnx --data images.npy --mean 0.286 --std 0.353 -o model.calibration.json",
    "dyad calibrate model.onnx --data photos/ --resize 224x224 --method percentile --percentile 99.95 -o m.json",
    "dyad calibrate model.onnx --data photos/ --resize 224x224 --shard 2/4 -o model.calibration.2of4.json",
  ],
  async run({ args, flags, terminal }) {
    const target = artefactTarget(flags, terminal, { hasCompanion: true });
    const method = readMethod(flags.method, flags);
    const model = loadModel(args.model, flags);
    const request = dataRequestOf(model.graph);
    const { limit, seed, shard } = flags;
    const samples = openCalibrationSamples(flags, request, terminal);
    const { dataset } = samples;
    checkNormalisation(dataset, terminal);
    const backend = resolveFloatBackend(flags.backend, terminal);
    const recorded = recordedMethod(method);
    const header = {
      inputs: inputsOf({ model: model.sha256, data: dataset.sha256 }),
      options: optionsOf({ method: recorded, seed }),
    };
    if (shard !== undefined) {
      const indices = shardOf(Array.from({ length: dataset.count }, (_, i) => i), shard);
      const observations = await terminal.withProgress(
        "calibrating",
        (onProgress) =>
          within(
            model.name,
            () => observeSamples(model.graph, dataset, indices, { batch: flags.batch, backend, onProgress }),
          ),
      );
      const companion = encodeSafetensors(encodeObservations(observations));
      const part: Part = {
        of: "dyad/calibration",
        shard,
        frame: calibrationFrame(model.graph, dataset, recorded, { limit, seed }),
        records: [{ samples: indices.length } satisfies CalibrationRecord],
        tensorsFile: { sha256: sha256(companion) },
      };
      await target.write(encodeArtefact(PartCodec, { ...part, ...header }), companion);
      return partReport(part, `${indices.length} of ${dataset.count} samples`, target);
    }
    const files = await terminal.withProgress(
      "calibrating",
      (onProgress) =>
        within(model.name, () =>
          calibrateGraph(model.graph, dataset, {
            method,
            batch: flags.batch,
            backend,
            onProgress,
            onComparison: (done, total) => onProgress(done, total, "comparing methods"),
          })),
    );
    const { text, companion } = encodeCalibration(files, samples, header);
    await target.write(text, companion);
    return calibrationReport(files.content, target.name, target.companion);
  },
});

/** Float data are taken as they are: says what that means for images, and doubts a normalisation that did not make them. */
function checkNormalisation(dataset: Dataset, terminal: Terminal): void {
  if (dataset.kind !== "float" || dataset.sampleShape.length !== 3) return;
  if (dataset.isPreprocessAssumed) {
    return terminal.note(
      `${dataset.name}: the float data are the network's input as they are; if they are normalised pixels, give --mean, ` +
        `--std and --scale, and quantize will make a network that takes raw pixels`,
    );
  }
  try {
    sampleAsPixels(dataset, 0);
  } catch (error) {
    if (!(error instanceof DyadError)) throw error;
    terminal.warn(`${error.message} (float data are not normalised again)`);
  }
}

/** The method that the flags name. @throws DyadError (usage) for an option of another method. */
function readMethod(name: string, flags: Readonly<Record<string, unknown>>) {
  const given = METHOD_OPTIONS.filter(({ option }) => flags[option.name] !== undefined);
  const stray = given.find(({ observer }) => observer !== name);
  if (stray !== undefined) {
    throw usageError(`--${stray.option.name} is for --method ${stray.observer}, found --method ${name}`);
  }
  if (name === AUTO_METHOD) return AUTO_METHOD;
  return methodNamed(name, Object.fromEntries(given.map(({ option }) => [option.name, Number(flags[option.name])])));
}
