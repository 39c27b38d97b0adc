import { companionPath } from "../files.ts";
import { facts, type Table } from "../report.ts";

/** What stands in the names of a network's files. */
export type VariantTag = "8bit" | "mixed" | "4bit";

/** An integer network of the demo. */
export interface Variant {
  readonly name: string;
  readonly tag: VariantTag;
  /** Flags of quantize that say the bits. */
  bits(files: DemoFiles): readonly string[];
}

export const VARIANTS: readonly Variant[] = [
  { name: "8/8", tag: "8bit", bits: () => ["--bits", "8/8"] },
  { name: "mixed", tag: "mixed", bits: ({ plan }) => ["--plan", plan] },
  { name: "4/4", tag: "4bit", bits: () => ["--bits", "4/4"] },
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
export function fileTable(files: DemoFiles): Table {
  const tags = VARIANTS.map(({ tag }) => tag).join(",");
  return facts([
    ["ranges", files.calibration],
    ["scores", files.sensitivity],
    ["plan", `${files.plan}, ${files.lp}`],
    ["networks", files.network(`{${tags}}`)],
    ["outputs", files.predictions(`{${FLOAT_TAG},${tags}}`)],
    ["evidence", files.verification(`{${tags}}`)],
  ]);
}
