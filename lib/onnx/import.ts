import { DyadError, inputError, within } from "../format/error.ts";
import { checkGraph } from "../ir/check.ts";
import { type Graph, type Node, producersOf, type Value, valueOf, type ValueType } from "../ir/graph.ts";
import { prune } from "../ir/patch.ts";
import { operatorOf } from "../ops/mod.ts";
import { sameShape } from "../tensor/shape.ts";
import { readAttributes } from "./attributes.ts";
import { buildGraph, type GraphSource } from "./build_graph.ts";
import { type CheckedModel, checkModel } from "./check_model.ts";
import { type Batch, bindInputs, type BoundInputs, declaredType, type ModelInput } from "./inputs.ts";
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
 * Reads an ONNX model into a graph for one image: the batch, as a rule axis 0 of every input (`bindInputs`), has
 * extent 1. Where the file's batch is open or greater than 1, shapes are inferred a second time with a greater batch, to
 * show that no node mixes images. Weights are views into `bytes` where they are aligned.
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
    checkSingleImages(graph);
    const batchAxes = inputs.batch && followBatch(graph, inputs.batch, buildForImages(source, inputs));
    checkDeclarations(graph, model.graph, batchAxes);
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
    if (!(error instanceof DyadError) || batch?.extent === undefined) throw error;
    try {
      buildGraph(source, withBatch(types, batch));
    } catch {
      throw error; // it is not the number of images
    }
    throw inputError(
      `${error.message} (with one image; the file fixes the batch at ${batch.extent}: export it with an open batch axis)`,
      { cause: error },
    );
  }
}

/** How many images independence is shown with. */
function imagesOf({ extent = 2 }: Batch): number {
  return extent;
}

function withBatch(types: ReadonlyMap<string, ValueType>, batch: Batch): Map<string, ValueType> {
  return new Map(
    [...types].map(([name, { dtype, shape }]) => [
      name,
      { dtype, shape: shape.with(batch.axes.get(name)!, imagesOf(batch)) },
    ]),
  );
}

/** The graph for more than one image. */
function buildForImages(source: GraphSource, { types, batch }: BoundInputs): Graph {
  try {
    return buildGraph(source, withBatch(types, batch!));
  } catch (error) {
    if (!(error instanceof DyadError)) throw error;
    throw inputError(
      `${error.message} (with ${imagesOf(batch!)} images, while one image works: the graph does not treat images one ` +
        `by one)`,
      { cause: error },
    );
  }
}

/** Compares inferred types with those that the file declares, but for the extents of the batch. */
function checkDeclarations(graph: Graph, proto: GraphProto, batchAxes: ReadonlyMap<string, number> | undefined): void {
  for (const info of [...proto.valueInfo, ...proto.output]) {
    const value = graph.values.get(info.name ?? "");
    const declared = declaredType(info);
    if (value === undefined || value.constant !== undefined || declared === undefined) continue;
    const { shape } = declared;
    const batchAxis = batchAxes?.get(value.name);
    const fits = shape === undefined || shape.length === value.shape.length &&
        shape.every((extent, axis) => axis === batchAxis || extent === undefined || extent === value.shape[axis]);
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

function operandsOf(graph: Graph, { inputs }: Node): (Value | undefined)[] {
  return inputs.map((name) => name === "" ? undefined : valueOf(graph, name));
}

/** Throws where an operator that takes one image would get several. */
function checkSingleImages(graph: Graph): void {
  for (const node of graph.nodes) {
    if (operatorOf(node.op).batchAxes !== undefined) continue;
    for (const operand of operandsOf(graph, node)) {
      if (operand === undefined || operand.constant !== undefined || operand.shape[0] === 1) continue;
      throw inputError(
        `node ${node.name} (${node.op}) takes one image, but its input ${operand.name} has shape [${operand.shape}]; ` +
          `expected extent 1 on axis 0`,
      );
    }
  }
}

/**
 * On which axis of every value the batch lies. Shows that every image is computed by itself: the batch is followed from
 * the inputs through every operator, and for n images (`other`) its axis must have n times the extent, all others the
 * same.
 */
function followBatch(graph: Graph, batch: Batch, other: Graph): ReadonlyMap<string, number> {
  const images = imagesOf(batch);
  const axisOf = new Map(batch.axes);
  const producers = producersOf(other);
  for (const { name, op, outputs } of graph.nodes) {
    const node = producers.get(outputs[0])!;
    const axes = node.inputs.map((input) => axisOf.get(input));
    const { batchAxes = firstAxes } = operatorOf(op);
    const found = batchAxes(node, axes, operandsOf(other, node));
    outputs.forEach((output, o) => {
      const { shape } = valueOf(graph, output);
      const { shape: shapeOfImages } = valueOf(other, output);
      const axis = found?.[o];
      if (axis !== undefined && axis < shape.length) {
        axisOf.set(output, axis);
        if (sameShape(shapeOfImages, shape.with(axis, images * shape[axis]))) return;
      }
      throw inputError(
        `node ${name} (${op}) mixes images: its output ${output} has shape [${shape}] for one image and ` +
          `[${shapeOfImages}] for ${images}; expected every image by itself. Where the batch is not axis 0 of an input, ` +
          `give the shape for one image with --input-shape`,
      );
    });
  }
  return axisOf;
}

/** `batchAxes` of operators that take one image. */
function firstAxes({ outputs }: Node, axes: readonly (number | undefined)[]): number[] | undefined {
  return axes.some((axis) => axis !== undefined && axis !== 0) ? undefined : outputs.map(() => 0);
}
