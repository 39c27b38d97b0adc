import { dyadicFromRatio } from "../arith/dyadic.ts";
import type { ConcatProblem, FloatConcatProblem } from "../arith/problem.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import { activationStrides, normalizeAxis, type Shape } from "../tensor/shape.ts";
import { allocate } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sameAxisUnless } from "./batch_axis.ts";
import { linearTangent } from "./linear_derivatives.ts";
import type { Derivatives, ImportNode, LoweringContext, OnnxImport, Operator } from "./operator.ts";
import { nodeError } from "./operator_error.ts";
import { outputRange, storageOf } from "./rescale.ts";

/** Inputs joined along one axis. */
export interface ConcatAttributes {
  readonly axis: number;
}

const onnx: OnnxImport = {
  type: "Concat",
  attributes: { axis: { type: "int" } },
  translate(node: ImportNode) {
    const axis = node.attributes.axis as number | undefined;
    if (axis === undefined) node.fail("attribute axis is missing");
    if (node.inputs.includes("")) node.fail("one of its inputs is absent");
    const rank = node.input(0)!.shape.length;
    if (axis < -rank || axis >= rank) node.fail(`axis ${axis} is outside an input of rank ${rank}`);
    const attributes: ConcatAttributes = { axis: normalizeAxis(axis, rank) };
    return [{ op: "Concat", inputs: node.inputs, outputs: node.outputs, attributes: { ...attributes } }];
  },
};

function infer(node: Node<ConcatAttributes>, inputs: readonly (Value | undefined)[]): ValueType[] {
  const [first, ...rest] = inputs as readonly Value[];
  const { axis } = node.attributes;
  let extent = first.shape[axis];
  for (const { name, shape, dtype } of rest) {
    if (dtype !== first.dtype) throw nodeError(node, `${name} holds ${dtype}, ${first.name} holds ${first.dtype}`);
    if (shape.length !== first.shape.length || shape.some((e, i) => i !== axis && e !== first.shape[i])) {
      throw nodeError(
        node,
        `${name} of shape [${shape}] does not fit ${first.name} of shape [${first.shape}] on axes other than ${axis}`,
      );
    }
    extent += shape[axis];
  }
  return [{ dtype: first.dtype, shape: first.shape.map((e, i) => i === axis ? extent : e) }];
}

/** How often each input's run of consecutive elements repeats in memory, and the length of one run of `shape`. */
function runs(shape: Shape, axis: number): { outer: number; inner: number } {
  const inner = activationStrides(shape)[axis] * shape[axis];
  return { outer: shape.reduce((a, b) => a * b, 1) / inner, inner };
}

function forward(
  node: Node<ConcatAttributes>,
  inputs: readonly (Tensor | undefined)[],
  [output]: readonly Value[],
): Tensor[] {
  const data = allocate(output.dtype, output.shape.reduce((a, b) => a * b, 1)) as Float32Array;
  const parts = inputs.map((input) => ({
    data: input!.data as Float32Array, // elements are only moved
    inner: runs(input!.shape, node.attributes.axis).inner,
  }));
  const { outer } = runs(output.shape, node.attributes.axis);
  let target = 0;
  for (let i = 0; i < outer; i++) {
    for (const part of parts) {
      data.set(part.data.subarray(i * part.inner, (i + 1) * part.inner), target);
      target += part.inner;
    }
  }
  return [{ dtype: output.dtype, shape: output.shape, data }];
}

const derivatives: Derivatives<ConcatAttributes> = {
  tangent: linearTangent(forward),
  gradient({ attributes: { axis } }, { inputs, outputs: [y] }, [g], wanted) {
    const joined = runs(y.shape, axis);
    let first = 0;
    return inputs.map((input, i) => {
      const { inner } = runs(input!.shape, axis);
      const source = first;
      first += inner;
      if (!wanted[i]) return undefined;
      const part = new Float32Array(input!.data.length);
      for (let run = 0; run < joined.outer; run++) {
        const start = run * joined.inner + source;
        part.set(g.subarray(start, start + inner), run * inner);
      }
      return part;
    });
  },
};

function lower(
  node: Node<ConcatAttributes>,
  { inputs, output }: LoweringContext,
  outputType: ValueType,
): ConcatProblem {
  const target = output!.quantization;
  return {
    kind: "concat",
    outer: runs(outputType.shape, node.attributes.axis).outer,
    parts: inputs.map(({ shape, quantization: { bits, scale, zeroPoint } }) => {
      const same = scale === target.scale && zeroPoint === target.zeroPoint &&
        storageOf(bits) === storageOf(target.bits);
      return {
        dtype: storageOf(bits),
        inner: runs(shape, node.attributes.axis).inner,
        zeroPoint,
        rescale: same ? undefined : dyadicFromRatio(scale / target.scale),
      };
    }),
    output: outputRange(output!),
  };
}

function lowerComputed(
  { attributes: { axis } }: Node<ConcatAttributes>,
  inputs: readonly Value[],
  output: Value,
): FloatConcatProblem {
  return {
    kind: "float_concat",
    outer: runs(output.shape, axis).outer,
    inners: inputs.map(({ shape }) => runs(shape, axis).inner),
  };
}

const operator: Operator<ConcatAttributes> = {
  name: "Concat",
  infer,
  forward,
  derivatives,
  quantization: "joining",
  samples: [{ attributes: { axis: 1 }, inputs: [[1, 2, 3, 4], [1, 5, 3, 4]] }, {
    attributes: { axis: 3 },
    inputs: [[1, 2, 3, 1], [1, 2, 3, 4], [1, 2, 3, 2]],
  }],
  lower,
  lowerComputed,
  batchAxes: sameAxisUnless(({ attributes }, axis) => axis === attributes.axis),
};

export const concat = { onnx, operator };
