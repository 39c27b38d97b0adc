import { inputError, within } from "../lib/format/error.ts";
import { sha256 } from "../lib/format/hash.ts";
import { type Graph, valueOf } from "../lib/ir/graph.ts";
import { type ImportedModel, importModel } from "../lib/onnx/import.ts";
import { requireIntegerForms } from "../lib/ops/integer_forms.ts";
import { openEndsOf, statesOf } from "../lib/ops/states.ts";
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

/**
 * Data are samples of one input of floats, and what is computed of one is one row of the first output; or stretches of a
 * stream of tokens, one integer input beside the states of recurrent layers. The inputs and outputs that are no states come
 * first in the graph.
 */
function requireSamples(model: LoadedModel): LoadedModel {
  const { name, graph } = model;
  const { inputs, outputs } = openEndsOf(graph);
  const states = statesOf(graph);
  const isStream = inputs.length > 0 && readsTokens({ ...graph, inputs });
  const given = inputs.map((value) => valueOf(graph, value));
  if (inputs.length !== 1 || outputs.length === 0 || (!isStream && (states.length > 0 || given[0].dtype !== "f32"))) {
    const listed = model.imported.inputs.map(({ name, type, shape }) => `${name} (${type} [${shape}])`).join(", ");
    throw inputError(
      `${name}: the model takes ${listed}; expected one input of float numbers, or of token ids with the states of recurrent ` +
        `layers`,
    );
  }
  const checked = isStream ? [] : [given[0], valueOf(graph, outputs[0])];
  for (const { name: value, shape } of checked) {
    if (shape[0] === 1) continue;
    throw inputError(`${name}: ${value} has shape [${shape}] for one image, expected extent 1 on axis 0`);
  }
  const ordered = {
    ...graph,
    inputs: [...inputs, ...states.map(({ input }) => input)],
    outputs: [...outputs, ...states.map(({ output }) => output)],
  };
  return { ...model, graph: ordered };
}

/** Whether the first input of a graph takes token ids. */
function readsTokens(graph: Graph): boolean {
  const { dtype } = valueOf(graph, graph.inputs[0]);
  return dtype === "i64" || dtype === "i32";
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

/** What data must be like for a model: its samples, or a stream that is cut into them. */
export function dataRequestOf(
  graph: Graph,
): { readonly sampleShape: Shape; readonly classes: number; readonly stream?: Graph } {
  return {
    sampleShape: sampleShapeOf(graph),
    classes: sizeOf(valueOf(graph, graph.outputs[0]).shape),
    ...(readsTokens(graph) && { stream: graph }),
  };
}

/** What follows the batch in the shape of the model's first input. */
function sampleShapeOf(graph: Graph): Shape {
  return valueOf(graph, graph.inputs[0]).shape.slice(1);
}
