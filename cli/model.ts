import { inputError, within } from "../lib/format/error.ts";
import { sha256 } from "../lib/format/hash.ts";
import { type Graph, valueOf } from "../lib/ir/graph.ts";
import { type ImportedModel, importModel } from "../lib/onnx/import.ts";
import { requireIntegerForms } from "../lib/ops/integer_forms.ts";
import { canonicalize } from "../lib/passes/mod.ts";
import { type Shape, sizeOf } from "../lib/tensor/shape.ts";
import { displayName, parentOf, readBytes, STREAM } from "./files.ts";
import type { ModelFlags } from "./flags.ts";

export interface LoadedModel {
  /** The file, as errors and reports call it. */
  readonly name: string;
  /** Canonical. */
  readonly graph: Graph;
  readonly imported: ImportedModel;
  /**
   * SHA-256 of the file's bytes; of a model with external data, of the file's hash and a line
   * `hash  location` for each of them in the order of their names.
   */
  readonly sha256: string;
}

/**
 * A model that is to be quantized.
 * @throws DyadError (input) naming the file for anything that keeps it from being used.
 */
export function loadModel(path: string, flags: Partial<ModelFlags> = {}): LoadedModel {
  const model = importFile(path, readBytes(path), flags);
  within(model.name, () => requireIntegerForms(model.graph));
  return requireSamples(model);
}

/**
 * A model that is only run, from a file that has been read.
 * @throws DyadError (input) as `loadModel`.
 */
export function readModel(path: string, bytes: Uint8Array, flags: Partial<ModelFlags> = {}): LoadedModel {
  return requireSamples(importFile(path, bytes, flags));
}

/** Data are samples of one float input, and what is computed of one is one row of the first output. */
function requireSamples(model: LoadedModel): LoadedModel {
  const { name, graph } = model;
  const [input] = graph.inputs.map((value) => valueOf(graph, value));
  const [output] = graph.outputs.map((value) => valueOf(graph, value));
  if (graph.inputs.length > 1 || input.dtype !== "f32") {
    const listed = model.imported.inputs.map(({ name, type, shape }) => `${name} (${type} [${shape}])`).join(", ");
    throw inputError(`${name}: the model takes ${listed}; expected one input of float numbers`);
  }
  for (const { name: value, shape } of [input, output]) {
    if (shape[0] === 1) continue;
    throw inputError(`${name}: ${value} has shape [${shape}] for one image, expected extent 1 on axis 0`);
  }
  return model;
}

function importFile(path: string, bytes: Uint8Array, { inputShape = [] }: Partial<ModelFlags>): LoadedModel {
  const name = displayName(path);
  const externalHashes = new Map<string, string>();
  const external = (location: string): Uint8Array => {
    const file = readBytes(`${parentOf(path)}/${location}`);
    externalHashes.set(location, sha256(file));
    return file;
  };
  const imported = importModel(bytes, {
    where: name,
    inputShapes: Object.fromEntries(inputShape),
    ...(path !== STREAM && { external }),
  });
  return {
    name,
    graph: within(name, () => canonicalize(imported.graph)),
    imported,
    sha256: combinedHash(sha256(bytes), externalHashes),
  };
}

function combinedHash(modelHash: string, externalHashes: ReadonlyMap<string, string>): string {
  if (externalHashes.size === 0) return modelHash;
  const lines = [...externalHashes].sort(([a], [b]) => a < b ? -1 : 1).map(([location, hash]) =>
    `${hash}  ${location}`
  );
  return sha256([modelHash, ...lines, ""].join("\n"));
}

/** What follows the batch in the shape of the model's first input. */
export function sampleShapeOf(graph: Graph): Shape {
  return valueOf(graph, graph.inputs[0]).shape.slice(1);
}

/** How many numbers the first output holds for one image: the classes of a classifier. */
export function outputSizeOf(graph: Graph): number {
  return sizeOf(valueOf(graph, graph.outputs[0]).shape);
}
