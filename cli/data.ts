import { decodeArray, isArrayFile } from "../lib/format/array_file.ts";
import type { DataFile } from "../lib/format/data_file.ts";
import type { Dataset } from "../lib/format/dataset.ts";
import { inputError, usageError } from "../lib/format/error.ts";
import { sha256 } from "../lib/format/hash.ts";
import { parseClassNames } from "../lib/format/labels.ts";
import { openDataset } from "../lib/format/open_dataset.ts";
import { makePreprocess, type Preprocess, type PreprocessOptions } from "../lib/format/preprocess.ts";
import type { SampleShape } from "../lib/format/samples.ts";
import { readTokens, tokenSamples } from "../lib/format/token_stream.ts";
import { streamSamples } from "../lib/float/stream_samples.ts";
import { type Graph, valueOf } from "../lib/ir/graph.ts";
import { indexedRows } from "../lib/ops/indexed_rows.ts";
import { type Shape, sizeOf } from "../lib/tensor/shape.ts";
import { fileError } from "./file_error.ts";
import { displayName, readBytes, readText, STREAM } from "./files.ts";
import type { DataFlags, PreprocessFlags } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

export interface DataRequest {
  /** What follows N in the model's input. */
  readonly sampleShape: SampleShape;
  /** Classes that the model tells apart, where it is a classifier. */
  readonly classes?: number;
  /** Of a network of token streams, how they become its samples. */
  readonly stream?: StreamInput;
  /** How pixels become the input according to an earlier step, and the file that says so. */
  readonly recorded?: { readonly name: string; readonly preprocess: Preprocess | undefined };
}

/**
 * The canonical graph of a float model, which gives samples the states before them; or of an integer network, which has its
 * own.
 */
export type StreamInput = Graph | TokenInput;

/** What a network makes of tokens. */
interface TokenInput {
  /** Tokens of one sample. */
  readonly steps: number;
  /** How many there are to choose from. */
  readonly words: number;
  readonly outputShape: Shape;
}

function tokenInputOf(input: StreamInput): TokenInput {
  if (!("nodes" in input)) return input;
  const [tokens] = input.inputs;
  return {
    steps: sizeOf(valueOf(input, tokens).shape),
    words: indexedRows(input, tokens),
    outputShape: valueOf(input, input.outputs[0]).shape,
  };
}

/** Tokens of one sample. */
export function stepsOf(input: StreamInput): number {
  return tokenInputOf(input).steps;
}

/** Whether the output has a number for each word after each token. */
function predictsTokens(input: StreamInput): boolean {
  const { steps, words, outputShape } = tokenInputOf(input);
  const classes = outputShape.at(-1) ?? 0;
  return classes >= words && sizeOf(outputShape) === steps * classes;
}

/**
 * The data that flags name, made into the network's input as they say, or else as an earlier step has recorded.
 * @throws DyadError: (input) naming the file; (usage) for flags that contradict the record.
 */
export function openData(flags: DataFlags, request: DataRequest, terminal: Pick<Terminal, "note">): Dataset {
  if (request.stream !== undefined) return openStream(flags, request.stream, terminal);
  const isOfFolder = flags.data !== STREAM && isFolder(flags.data);
  const files = isOfFolder ? filesUnder(flags.data, "") : [arrayFile(flags.data)];
  const classNames = flags.classes === undefined ? undefined : readClassNames(flags.classes, request.classes);
  const dataset = openDataset({
    files,
    folder: isOfFolder ? flags.data : undefined,
    sampleShape: request.sampleShape,
    preprocess: fittingOptions(preprocessOptions(flags, request.recorded), flags, files),
    labels: flags.labels === undefined ? undefined : arrayFile(flags.labels),
    classNames,
    classes: request.classes,
    limit: flags.limit,
  });
  for (const note of dataset.notes) terminal.note(`${displayName(flags.data)}: ${note}`);
  return dataset;
}

/** A file of token ids as consecutive samples of a sequence model. @throws DyadError as `openData`. */
function openStream(flags: DataFlags, input: StreamInput, terminal: Pick<Terminal, "note">): Dataset {
  const stray = (["labels", "classes", "mean", "std", "scale", "resize", "layout"] as const)
    .find((key) => flags[key] !== undefined);
  if (stray !== undefined) throw usageError(`--${stray} has no meaning for a stream of tokens`);
  const file = arrayFile(flags.data);
  const tokens = readTokens(file);
  const { count, size, unused, sample, targets } = "nodes" in input
    ? streamSamples(input, tokens, file.name)
    : tokenSamples(tokens, input.steps, input.words, file.name);
  const { limit = count } = flags;
  if (unused > 0 && limit >= count) {
    const some = unused === 1 ? "the last token does" : `the last ${unused} tokens do`;
    terminal.note(`${file.name}: ${some} not fill a sample and ${unused === 1 ? "is" : "are"} left out`);
  }
  return {
    kind: "float",
    name: file.name,
    count: Math.min(count, limit),
    sampleShape: [size],
    preprocess: makePreprocess(1, {}),
    isPreprocessAssumed: true,
    sha256: sha256(file.bytes),
    notes: [],
    sample,
    ...(predictsTokens(input) && { targets }),
  };
}

/** @throws DyadError (input) naming the file, for names of more or fewer classes than the model tells apart too. */
export function readClassNames(path: string, classes: number | undefined): string[] {
  const names = parseClassNames(readText(path), displayName(path));
  if (classes !== undefined && names.length !== classes) {
    throw inputError(
      `${displayName(path)}: found the names of ${names.length} classes, the model tells ${classes} apart`,
    );
  }
  return names;
}

/** `FILE.npz:KEY` names an array of the file, unless a file has that name. */
function arrayFile(path: string): DataFile {
  if (path === STREAM) return { name: displayName(path), bytes: readBytes(path) }; // it can be read once
  const match = /^(.+\.npz):([^/\\]+)$/i.exec(path);
  if (match === null || isThere(path)) return lazyFile(path, displayName(path));
  const [, file, key] = match;
  return { name: file, key, bytes: readBytes(file) };
}

/** Read when its bytes are first asked for, and again each time: folders may be large. */
function lazyFile(path: string, name: string): DataFile {
  return {
    name,
    get bytes() {
      return readBytes(path);
    },
  };
}

function filesUnder(folder: string, prefix: string): DataFile[] {
  try {
    return Array.from(Deno.readDirSync(folder)).flatMap((entry): DataFile[] => {
      const path = `${folder}/${entry.name}`;
      const name = prefix + entry.name;
      if (entry.isDirectory) return filesUnder(path, `${name}/`);
      return entry.isFile || (entry.isSymlink && !isFolder(path)) ? [lazyFile(path, name)] : [];
    });
  } catch (error) {
    throw fileError(folder, "read", error);
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && /\.npz:/i.test(path)) return false;
    throw fileError(path, "read", error);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * What flags and record come to. Mean, deviation and scale belong to the network, so flags may only repeat what is
 * recorded of them. Layout and size belong to the files: flags go before the record.
 * @throws DyadError (usage) for flags that contradict the record.
 */
export function preprocessOptions(flags: PreprocessFlags, recorded: DataRequest["recorded"]): PreprocessOptions {
  const given = definedOf({
    mean: flags.mean,
    std: flags.std,
    scale: flags.scale,
    resize: flags.resize,
    layout: flags.layout,
  });
  const known = recorded?.preprocess;
  if (recorded === undefined || known === undefined) return given;
  for (const key of ["mean", "std", "scale"] as const) {
    if (flags[key] === undefined || isEqual(flags[key], known[key])) continue;
    throw usageError(
      `--${key} is ${flags[key]}, but ${recorded.name} was made with ${known[key]}; leave the flag out, or calibrate ` +
        `again with it`,
    );
  }
  const { mean, std, scale, layout, resize } = known;
  return { mean, std, scale, layout, resize, ...given };
}

/** Leaves a recorded size aside for data that cannot be resized. */
function fittingOptions(options: PreprocessOptions, flags: PreprocessFlags, files: readonly DataFile[]) {
  const isStray = options.resize !== undefined && flags.resize === undefined && !holdsPixels(files);
  return isStray ? { ...options, resize: undefined } : options;
}

/** False for float arrays, which are the network's input already. */
function holdsPixels(files: readonly DataFile[]): boolean {
  if (files.length !== 1) return true;
  const [file] = files;
  return !isArrayFile(file.bytes) || decodeArray(file).tensor.dtype === "u8";
}

function isEqual(given: number | readonly number[], known: number | readonly number[]): boolean {
  const [a, b] = [[given].flat(), [known].flat()];
  return a.length === 1 ? b.every((value) => value === a[0]) : a.length === b.length && a.every((v, i) => v === b[i]);
}

function definedOf<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
