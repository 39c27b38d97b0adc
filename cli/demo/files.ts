import { companionPath, parentOf } from "../files.ts";
import type { Block } from "../report.ts";

/** An integer network of the demo: its name, the text in its files' names, and what makes it. */
export interface Variant {
  readonly name: string;
  readonly tag: string;
  /** Flags of quantize that say the bits. */
  bits(files: DemoFiles): readonly string[];
  /** Percentage points of top-1 that it may lose. */
  readonly maxDrop: number;
}

export const VARIANTS: readonly Variant[] = [
  { name: "8/8", tag: "8bit", bits: () => ["--bits", "8/8"], maxDrop: 0.5 },
  { name: "mixed", tag: "mixed", bits: ({ plan }) => ["--plan", plan], maxDrop: 1 },
  { name: "4/4", tag: "4bit", bits: () => ["--bits", "4/4"], maxDrop: 2 },
];

export const FLOAT_TAG = "float";

/** Names of all that the demo writes. */
export interface DemoFiles {
  readonly calibration: string;
  readonly sensitivity: string;
  readonly plan: string;
  readonly lp: string;
  network(tag: string): string;
  predictions(tag: string): string;
  verification(tag: string): string;
}

export function demoFiles(folder: string, model: string): DemoFiles {
  const path = (suffix: string): string => `${folder}/${model}.${suffix}`;
  return {
    calibration: path("calibration.json"),
    sensitivity: path("sensitivity.json"),
    plan: path("plan.json"),
    lp: path("plan.lp"),
    network: (tag) => path(`${tag}.dyad.json`),
    predictions: (tag) => path(`${tag}.predictions.json`),
    verification: (tag) => path(`${tag}.verify.json`),
  };
}

/** Every file, in the order in which they are made. */
export function listFiles({ calibration, sensitivity, plan, lp, network, predictions, verification }: DemoFiles) {
  const tags = VARIANTS.map(({ tag }) => tag);
  return [
    ...[calibration, companionPath(calibration), sensitivity, plan, lp],
    ...tags.flatMap((tag) => [network(tag), companionPath(network(tag))]),
    ...[FLOAT_TAG, ...tags].map((tag) => predictions(tag)),
    ...tags.map((tag) => verification(tag)),
  ];
}

/** Where everything is, in as many lines as there are kinds; braces are those of a shell. */
export function fileBlocks(files: DemoFiles): Block[] {
  const tags = VARIANTS.map(({ tag }) => tag).join(",");
  const rows = [
    [files.calibration, "the range of every tensor; statistics and ranges of weights in .safetensors"],
    [files.sensitivity, "the score of every layer at every candidate"],
    [files.plan, "the bits of every layer of the mixed network, proven optimal; the problem in .lp"],
    [files.network(`{${tags}}`), "integer networks; weights in .safetensors"],
    [files.predictions(`{${FLOAT_TAG},${tags}}`), "the class that each network finds in every image"],
    [files.verification(`{${tags}}`), "the evidence for every claim, and a hash for every step"],
  ];
  return [`The files are in ${parentOf(files.plan)}/`, {
    columns: [{ title: "" }, { title: "" }],
    rows: rows.map(([path, what]) => [path.slice(parentOf(path).length + 1), what]),
  }];
}
