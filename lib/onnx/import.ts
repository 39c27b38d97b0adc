import { DyadError, inputError, within } from "../format/error.ts";
import { checkGraph } from "../ir/check.ts";
import { type Graph, producersOf, type ValueType } from "../ir/graph.ts";
import { prune } from "../ir/patch.ts";
import { readAttributes } from "./attributes.ts";
import { buildGraph, type GraphSource } from "./build_graph.ts";
import { type CheckedModel, checkModel } from "./check_model.ts";
import { bindInputs, type BoundInputs, declaredType, type ModelInput } from "./inputs.ts";
import type { GraphProto, ModelProto } from "./messages.ts";
import { decodeModel, exactInteger } from "./schema.ts";
import { checkFinite, type ExternalFiles, tensorOf } from "./tensor.ts";

export interface ImportOptions {
  /** The file's name, which every error begins with. */
  readonly where: string;
  /** Files beside the model; without it, a model that needs them is an error. */
  readonly external?: ExternalFiles;
  /** Shapes for one image of inputs whose extents the file leaves open. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
}

/** A model as a graph for one image, and what the file says of itself. */
export interface ImportedModel {
  readonly graph: Graph;
  readonly opset: number;
  readonly irVersion: number;
  /** Name and version of the program that wrote the file, as far as it says. */
  readonly producer: string;
  /** In the order of `graph.inputs`. */
  readonly inputs: readonly ModelInput[];
}

/**
 * Reads an ONNX model into a graph for one image: the batch, axis 0 of every input, has extent 1. Where the file's
 * batch is open or greater than 1, shapes are inferred a second time with a greater batch, to show that no node mixes
 * images. Weights are views into `bytes` where they are aligned.
 * @throws DyadError for anything that keeps the model from being imported; unsupported operators and attributes are
 * listed all at once.
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): ImportedModel {
  return within(options.where, () => {
    const proto = decodeModel(bytes);
    const model = checkModel(proto);
    const inputs = bindInputs(model.graph, options.inputShapes);
    const source = readConstants(model, options.external);
    const graph = prune(buildForOneImage(source, inputs));
    checkOutputs(graph);
    if (inputs.batch !== 1) checkIndependence(source, graph, inputs);
    checkDeclarations(graph, model.graph, inputs.batch);
    checkGraph(graph);
    return {
      graph,
      opset: model.opset,
      irVersion: exactInteger(proto.irVersion!, "the IR version"),
      producer: producerOf(proto),
      inputs: inputs.declared,
    };
  });
}

function producerOf({ producerName = "", producerVersion = "" }: ModelProto): string {
  return [producerName, producerVersion].filter((part) => part !== "").join(" ");
}

function readConstants(model: CheckedModel, external: ExternalFiles | undefined): GraphSource {
  const files = new Map<string, Uint8Array>();
  const cached: ExternalFiles | undefined = external && ((location) => {
    const file = files.get(location) ?? external(location);
    files.set(location, file);
    return file;
  });
  const read = new Set([
    ...model.nodes.flatMap(({ proto }) => proto.input),
    ...model.graph.output.map(({ name }) => name ?? ""),
  ]);
  const initializers = new Map(
    model.graph.initializer.flatMap((proto) => {
      const name = proto.name ?? "";
      if (!read.has(name)) return [];
      const what = `initializer ${JSON.stringify(name)}`;
      const value = tensorOf(proto, what, cached);
      checkFinite(value, what);
      return [[name, value] as const];
    }),
  );
  const attributes = model.nodes.map(({ name, proto, onnx }) =>
    readAttributes(proto, onnx.attributes, `node ${name} (${onnx.type})`, cached)
  );
  return { model, initializers, attributes };
}

function buildForOneImage(source: GraphSource, { types, batch }: BoundInputs): Graph {
  try {
    return buildGraph(source, types);
  } catch (error) {
    if (!(error instanceof DyadError) || batch === undefined || batch === 1) throw error;
    try {
      buildGraph(source, withBatch(types, batch));
    } catch {
      throw error; // it is not the number of images
    }
    throw inputError(
      `${error.message} (with one image; the file fixes the batch at ${batch}: export it with an open batch axis)`,
      { cause: error },
    );
  }
}

function withBatch(types: ReadonlyMap<string, ValueType>, batch: number): Map<string, ValueType> {
  return new Map(
    [...types].map(([name, { dtype, shape }]) => [name, { dtype, shape: [batch, ...shape.slice(1)] }]),
  );
}

/** Compares inferred types with those that the file declares. Axis 0 is the batch, unless the file has it at 1. */
function checkDeclarations(graph: Graph, proto: GraphProto, batch: number | undefined): void {
  for (const info of [...proto.valueInfo, ...proto.output]) {
    const value = graph.values.get(info.name ?? "");
    const declared = declaredType(info);
    if (value === undefined || value.constant !== undefined || declared === undefined) continue;
    const { shape } = declared;
    const firstAxis = batch === 1 ? 0 : 1;
    const fits = shape === undefined || shape.length === value.shape.length &&
        shape.every((extent, axis) => axis < firstAxis || extent === undefined || extent === value.shape[axis]);
    if (!fits) {
      const listed = shape.map((extent) => extent ?? "?").join(",");
      throw inputError(`value ${value.name} has shape [${value.shape}] for one image, the file declares [${listed}]`);
    }
    if (declared.dtype !== undefined && declared.dtype !== value.dtype) {
      throw inputError(`value ${value.name} is ${value.dtype}, the file declares ${declared.dtype}`);
    }
  }
}

function checkOutputs(graph: Graph): void {
  const twice = graph.outputs.find((name, i) => graph.outputs.indexOf(name) !== i);
  if (twice !== undefined) throw inputError(`the graph lists the output ${JSON.stringify(twice)} twice`);
  for (const name of graph.outputs) {
    if (graph.values.get(name)?.constant !== undefined) {
      throw inputError(`the graph output ${JSON.stringify(name)} is constant; expected one that depends on the inputs`);
    }
  }
}

/**
 * Shows, as far as shapes can, that every image is computed by itself: with a batch of n, every computed value has the
 * shape of one image with n on axis 0.
 */
function checkIndependence(source: GraphSource, graph: Graph, { types, batch = 2 }: BoundInputs): void {
  let other: Graph;
  try {
    other = buildGraph(source, withBatch(types, batch));
  } catch (error) {
    if (!(error instanceof DyadError)) throw error;
    throw inputError(
      `${error.message} (with ${batch} images, while one image works: the graph does not treat images one by one)`,
      { cause: error },
    );
  }
  const producers = producersOf(graph);
  for (const [output, node] of producers) {
    const { shape } = graph.values.get(output)!;
    const found = other.values.get(output)!.shape;
    const independent = shape[0] === 1 && found.length === shape.length &&
      found.every((extent, axis) => extent === (axis === 0 ? batch : shape[axis]));
    if (independent) continue;
    throw inputError(
      `node ${node.name} (${node.op}) mixes images: its output ${output} has shape [${shape}] for one image and ` +
        `[${found}] for ${batch}; expected the images on axis 0 throughout`,
    );
  }
}
