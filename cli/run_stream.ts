import { makePreprocess } from "../lib/format/preprocess.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import { preprocessOptions, readClassNames } from "./data.ts";
import type { PreprocessFlags } from "./flags.ts";
import { frameDataset, readFrames } from "./frames.ts";
import { requireClassifier, topClasses } from "./predictions.ts";
import { ImageRunner } from "./image_runner.ts";
import type { Runner, RunnerOutput } from "./runner.ts";
import { writeStdout } from "./terminal.ts";
import { warmedUp } from "./warm_up.ts";

export interface StreamFlags extends PreprocessFlags {
  readonly classes?: string;
  readonly topK: number;
  readonly dequantize: boolean;
  /** That compute each frame together. Default 1. */
  readonly threads?: number;
}

/**
 * Runs a network on the frames that come on standard input, and writes a line of JSON for each as soon as it is done.
 * @throws DyadError: (input) for frames that the network cannot take; (usage) for flags that contradict it.
 */
export async function runStream(runner: Runner, flags: StreamFlags, note: (text: string) => void): Promise<void> {
  requireClassifier(runner.outputShape, runner.name, "--stream");
  const { sampleShape } = runner;
  const options = preprocessOptions(flags, { name: runner.name, preprocess: runner.preprocess });
  const preprocess = makePreprocess(sampleShape.length === 3 ? sampleShape[0] : 1, { ...options, resize: undefined });
  const classNames = flags.classes === undefined
    ? undefined
    : readClassNames(flags.classes, sizeOf(runner.outputShape));
  const images = await ImageRunner.open(runner, { threads: flags.threads, note });
  const compiled = images.compile();
  const runOn = (frame: Uint8Array): RunnerOutput => {
    const dataset = frameDataset(frame, sampleShape, preprocess);
    runner.check(dataset);
    return compiled.run(compiled.prepare(dataset, 0));
  };
  const frames = readFrames(Deno.stdin.readable, sizeOf(sampleShape));
  const black = new Uint8Array(sizeOf(sampleShape));
  const warmUp = (): void => {
    runOn(black);
    compiled.reset();
  };
  try {
    let index = 0;
    // Float networks refuse outputs that are no numbers, which black frames may give.
    for await (const frame of runner.kind === "integer" ? warmedUp(frames, warmUp) : frames) {
      const output = runOn(frame);
      const scores = flags.dequantize ? runner.dequantize(output) : output;
      writeStdout(JSON.stringify({ index, top: topClasses(scores, flags.topK, classNames) }) + "\n");
      index++;
    }
  } finally {
    await images.close();
  }
}
