import type { Dataset } from "../lib/format/dataset.ts";
import { npyHeader } from "../lib/format/npy.ts";
import { bytesOfArray } from "../lib/tensor/dtype.ts";
import type { ArtefactTarget, PieceWriter } from "./files.ts";
import { type Prediction, predictionsText, topClasses } from "./predictions.ts";
import type { Runner, RunnerOutput } from "./runner.ts";

/** Where the outputs of `run` go, one after the other. */
export interface RunOutput {
  add(output: RunnerOutput, index: number): void;
  /** After the last: the file is in its place. */
  close(): Promise<void>;
  /** Leaves nothing behind unless it has been closed. */
  discard(): void;
}

export interface RunOutputOptions {
  readonly target: ArtefactTarget;
  readonly format: "json" | "npy";
  /** Write an integer network's outputs as real numbers. */
  readonly dequantize: boolean;
  /** Classes per image in JSON. */
  readonly topK: number;
}

/** Arrays are written as they come, so that no more than one output is held; of JSON the top classes are. */
export async function openRunOutput(
  runner: Runner,
  dataset: Dataset,
  { target, format, dequantize, topK }: RunOutputOptions,
): Promise<RunOutput> {
  const isReal = runner.kind === "float" || dequantize;
  const shown = (output: RunnerOutput): RunnerOutput => dequantize ? runner.dequantize(output) : output;
  if (format === "json") {
    const predictions: Prediction[] = [];
    return {
      add: (output, index) => void predictions.push(predictionOf(shown(output), index, topK, dataset)),
      close: () => target.write(predictionsText(predictions)),
      discard() {},
    };
  }
  const writer: PieceWriter = await target.open();
  writer.write(npyHeader({ dtype: isReal ? "f32" : "i32", shape: [dataset.count, ...runner.outputShape] }));
  return {
    add(output) {
      const values = shown(output);
      writer.write(bytesOfArray(isReal ? Float32Array.from(values) : Int32Array.from(values)));
    },
    close: () => writer.close(),
    discard: () => writer.discard(),
  };
}

function predictionOf(scores: ArrayLike<number>, index: number, k: number, dataset: Dataset): Prediction {
  const { names, labels, classNames } = dataset;
  return {
    index,
    ...(names && { file: names[index] }),
    ...(labels && { label: labels[index] }),
    top: topClasses(scores, k, classNames),
  };
}
