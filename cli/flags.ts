import { CODE_METHODS } from "../lib/arith/binary_codes/methods/mod.ts";
import { type CodingOptions, DEFAULT_CODING } from "../lib/arith/integer_weights.ts";
import { usageError } from "../lib/format/error.ts";
import { type CandidateBits, candidateName } from "../lib/format/plan.ts";
import type { FlagValues } from "./command.ts";
import {
  BITS,
  defaultFlag,
  FILE,
  HEIGHT_BY_WIDTH,
  NAMED_SHAPE,
  NUMBER,
  NUMBERS,
  oneOf,
  optionalFlag,
  OUTPUT_FILE,
  POSITIVE_INTEGER,
  repeatedFlag,
  requiredFlag,
} from "./flag.ts";

/** Groups of flags that several commands take. */

export const MODEL_FLAGS = {
  inputShape: repeatedFlag(
    "--input-shape <name=shape>",
    "shape for one image of an input whose extents the model leaves open, such as input=1x3x224x224",
    NAMED_SHAPE,
  ),
};

const PREPROCESS_FLAGS = {
  mean: optionalFlag("--mean <numbers>", "mean per channel, taken off after the division by --scale", NUMBERS),
  std: optionalFlag("--std <numbers>", "standard deviation per channel, divided by after that", NUMBERS),
  scale: optionalFlag("--scale <number>", "what pixels are divided by first (default: 255)", NUMBER),
  resize: optionalFlag("--resize <HxW>", "resize images to this height and width", HEIGHT_BY_WIDTH),
  layout: optionalFlag("--layout <order>", "order of the axes of arrays (default: NCHW)", oneOf(["NCHW", "NHWC"])),
};

const dataFlag = {
  syntax: "--data <file>",
  description:
    ".npy, .npz (FILE.npz:KEY for one array of it), IDX, one of them gzipped, or a folder of PNG and JPEG; " +
    "token ids as text or integers for a model of tokens",
};

const LABEL_FLAGS = {
  labels: optionalFlag("--labels <file>", "class of each sample: .npy, .npz, IDX, or CSV", FILE),
  classes: optionalFlag("--classes <file>", "class names, one per line", FILE),
};

const LIMIT_FLAG = {
  limit: optionalFlag("--limit <n>", "take only the first n samples", POSITIVE_INTEGER),
};

/** Samples alone, that a command cannot do without. */
export const SAMPLE_FLAGS = {
  data: requiredFlag(dataFlag.syntax, dataFlag.description, FILE),
  ...LIMIT_FLAG,
  ...PREPROCESS_FLAGS,
};

/** Samples and what they are. */
export const DATA_FLAGS = {
  data: requiredFlag(dataFlag.syntax, dataFlag.description, FILE),
  ...LABEL_FLAGS,
  ...LIMIT_FLAG,
  ...PREPROCESS_FLAGS,
};

export const OPTIONAL_DATA_FLAGS = {
  ...DATA_FLAGS,
  data: optionalFlag(dataFlag.syntax, dataFlag.description, FILE),
};

/** For work that Workers can share. The result is the same for every number. */
export const THREADS_FLAG = {
  threads: optionalFlag(
    "--threads <n>",
    "how many threads work (default: at most one for each processor)",
    POSITIVE_INTEGER,
  ),
};

/** For plans that give all layers but the ends the same bits. */
export const ENDS_FLAG = {
  ends: optionalFlag(
    "--ends <bits>",
    "bits of the first and the last layer where all others are equal (default: 8/8)",
    BITS,
  ),
};

/** For weights of binary codes. */
export const CODING_FLAGS = {
  codes: defaultFlag(
    "--codes <method>",
    "how binary codes are found, where weights have some",
    oneOf(CODE_METHODS.map(({ name }) => name)),
    DEFAULT_CODING.method,
  ),
  codesGroup: optionalFlag(
    "--codes-group <n>",
    "columns of a matrix that share the numbers of a code (default: a whole row)",
    POSITIVE_INTEGER,
  ),
};

/**
 * How weights of `bits` get their codes; nothing where none of them has some.
 * @throws DyadError (usage) for codes that the method does not make.
 */
export function codingOf(
  { codes, codesGroup }: FlagValues<typeof CODING_FLAGS>,
  bits: readonly CandidateBits[],
): { readonly coding?: CodingOptions } {
  const coded = bits.filter(({ weightFormat }) => weightFormat === "codes");
  if (coded.length === 0) return {};
  const known = CODE_METHODS.find(({ name }) => name === codes)!.bits;
  const strange = coded.find(({ weightBits }) => !known.includes(weightBits));
  if (strange !== undefined) {
    const made = known.map((each) => `codes${each}`).join(", ");
    throw usageError(
      `found the bits ${candidateName(strange)} with --codes ${codes}, which makes ${made} alone; take another method`,
    );
  }
  return { coding: { method: codes, ...(codesGroup !== undefined && { groupColumns: codesGroup }) } };
}

export const OUTPUT_FLAG = {
  output: optionalFlag("-o, --output <file>", 'where the artefact goes (default: standard output, "-")', OUTPUT_FILE),
};

/** For artefacts of two files. */
export const OUTPUT_PAIR_FLAGS = {
  output: optionalFlag("-o, --output <file>", 'where the JSON goes; "-" is standard output', OUTPUT_FILE),
  tensors: optionalFlag(
    "--tensors <file>",
    "where the tensors go (default: beside the JSON, .safetensors in place of .json)",
    OUTPUT_FILE,
  ),
};

export type ModelFlags = FlagValues<typeof MODEL_FLAGS>;
export type DataFlags =
  & FlagValues<Pick<typeof SAMPLE_FLAGS, "data">>
  & Partial<FlagValues<typeof SAMPLE_FLAGS & typeof LABEL_FLAGS>>;
export type PreprocessFlags = Partial<FlagValues<typeof PREPROCESS_FLAGS>>;
