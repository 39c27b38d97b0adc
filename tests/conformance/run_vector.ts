import { evaluateGraph } from "../../lib/float/evaluate.ts";
import { importModel } from "../../lib/onnx/import.ts";
import type { ModelProto, TensorProto } from "../../lib/onnx/messages.ts";
import { decodeModel, decodeTensor, encodeModel } from "../../lib/onnx/schema.ts";
import { tensorOf } from "../../lib/onnx/tensor.ts";
import { allocate } from "../../lib/tensor/dtype.ts";
import { rowMajorStrides, sameShape, sizeOf } from "../../lib/tensor/shape.ts";
import { forEachOffset, type Tensor, tensor } from "../../lib/tensor/tensor.ts";

/** One case of an ONNX test suite: a model, its inputs and the outputs expected of it. */
export interface Vector {
  readonly model: Uint8Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** Operators whose every input may be computed; in others, inputs after the first are weights or settings. */
const COMPUTED_OPERANDS = ["Add", "Sum", "Concat"];

/** Operators whose first input is not one image after the other on axis 0: they run on the whole of it at once. */
const RUN_AT_ONCE = ["Gather", "GRU", "LSTM", "RNN", "Slice"];

const DROPPED_IN_OPSET_7 = ["broadcast", "is_test"];

const TOLERANCE = 1e-5;

/** Imports the model, runs it image by image and compares. @throws an error that says what does not fit. */
export function runVector(vector: Vector): void {
  const model = decodeModel(vector.model);
  const inputs = vector.inputs.map((bytes) => decodeTensor(bytes));
  const initializers = new Set(model.graph!.initializer.map(({ name }) => name));
  const names = model.graph!.input.map(({ name }) => name!).filter((name) => !initializers.has(name));
  const fed = new Map(names.map((name, i) => [name, inputs[i]]));
  const isWhole = model.graph!.node.some(({ opType }) => RUN_AT_ONCE.includes(opType!));
  const inputShapes = isWhole ? Object.fromEntries([...fed].map(([name, { dims }]) => [name, dims.map(Number)])) : {};
  const constants = constantsOf(model, fed);
  const { graph } = importModel(encodeModel(withConstants(model, fed, constants)), {
    where: "model",
    inputShapes: Object.fromEntries(Object.entries(inputShapes).filter(([name]) => !constants.has(name))),
  });
  const activations = new Map(graph.inputs.map((name) => [name, tensorOf(fed.get(name)!, name)]));
  const images = isWhole ? 1 : [...activations.values()][0].shape[0];
  const results = Array.from({ length: images }, (_, i) => {
    const image = [...activations].map(([name, value]) => [name, isWhole ? value : slice(value, i)] as const);
    return evaluateGraph(graph, new Map(image));
  });
  graph.outputs.forEach((name, o) => {
    const expected = tensorOf(decodeTensor(vector.outputs[o]), name);
    results.forEach((values, i) => {
      const found = values.get(name)!;
      const axis = expected.shape.findIndex((extent, a) => extent !== found.shape[a]);
      compare(name, found, images === 1 ? expected : slice(expected, i, Math.max(axis, 0)));
    });
  });
}

/** The inputs that become initializers. */
function constantsOf(model: ModelProto, fed: ReadonlyMap<string, TensorProto>): Set<string> {
  return new Set(
    model.graph!.node.flatMap(({ opType, input }) =>
      input.slice(1).filter((name) =>
        fed.has(name) && name !== input[0] &&
        !(opType === "Gather" && !fed.has(input[0])) && !isMatrixStack(opType!, fed.get(name)!) &&
        (!COMPUTED_OPERANDS.includes(opType!) || fed.get(name)!.dims.join() !== fed.get(input[0])?.dims.join())
      )
    ),
  );
}

/** Products of stacks of matrices have two computed operands. */
function isMatrixStack(opType: string, { dims }: TensorProto): boolean {
  return opType === "MatMul" && dims.length > 2;
}

/**
 * The suites feed weights and settings as inputs at run time. Those that an operator here takes only as constants become
 * initializers, and so do summands that are to be broadcast. Models of opset 1 to 8 are read as opset 9, less the
 * attributes that opset 7 made the only behaviour.
 */
function withConstants(
  model: ModelProto,
  fed: ReadonlyMap<string, TensorProto>,
  constants: ReadonlySet<string>,
): ModelProto {
  const graph = model.graph!;
  const node = graph.node.map((proto) => ({
    ...proto,
    attribute: proto.attribute.filter(({ name, i }) => !(DROPPED_IN_OPSET_7.includes(name!) && i === 1n)),
  }));
  return {
    ...model,
    opsetImport: model.opsetImport.map((opset) => opset.version! < 9n ? { ...opset, version: 9n } : opset),
    graph: {
      ...graph,
      node,
      input: graph.input.filter(({ name }) => !constants.has(name!)),
      initializer: [...graph.initializer, ...[...constants].map((name) => ({ ...fed.get(name)!, name }))],
    },
  };
}

/** Image i of a tensor in ONNX order, whose images lie on `axis`. */
function slice(value: Tensor, i: number, axis = 0): Tensor {
  const shape = value.shape.with(axis, 1);
  const data = allocate(value.dtype, sizeOf(shape));
  const strides = rowMajorStrides(value.shape);
  forEachOffset(shape, strides, rowMajorStrides(shape), (source, target) => {
    data[target] = value.data[source + i * strides[axis]];
  });
  return tensor(value.dtype, shape, data);
}

function compare(name: string, found: Tensor, expected: Tensor): void {
  if (!sameShape(found.shape, expected.shape)) {
    throw new Error(`${name} has shape [${found.shape}], expected [${expected.shape}]`);
  }
  expected.data.forEach((value: number | bigint, i: number) => {
    const difference = Math.abs(Number(found.data[i]) - Number(value));
    if (!(difference <= TOLERANCE * Math.max(1, Math.abs(Number(value))))) {
      throw new Error(`${name} element ${i} is ${found.data[i]}, expected ${value}`);
    }
  });
}
