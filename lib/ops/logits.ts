import { inputError } from "../format/error.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { prune } from "../ir/patch.ts";
import { operatorOf } from "./mod.ts";
import type { SoftmaxAttributes } from "./softmax.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { ClassAxis } from "../arith/log_softmax.ts";

/** A network that ends with its logits. */
export interface LogitsGraph {
  readonly graph: Graph;
  readonly axis: ClassAxis;
  /** The Softmax or LogSoftmax that was left out, by operator. */
  readonly dropped?: string;
}

/**
 * The graph without a last Softmax, which says where the classes lie; without one they lie on axis 1.
 * @throws DyadError (input) for a graph of several inputs or outputs.
 */
export function logitsOf(graph: Graph): LogitsGraph {
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) {
    throw inputError(
      `graph ${graph.name}: found ${graph.inputs.length} inputs and ${graph.outputs.length} outputs, expected one of each`,
    );
  }
  const [output] = graph.outputs;
  const last = graph.nodes.find(({ outputs }) => outputs.includes(output));
  if (last !== undefined && operatorOf(last.op).quantization === "final") {
    const { axis, lastAxis } = last.attributes as unknown as SoftmaxAttributes; // every final operator is a softmax
    const logits = prune({ ...graph, outputs: [last.inputs[0]] });
    return {
      graph: logits,
      dropped: last.op,
      axis: classAxis(valueOf(logits, logits.outputs[0]).shape, axis, lastAxis),
    };
  }
  const { shape } = valueOf(graph, output);
  const axis = Math.min(1, shape.length - 1);
  return { graph, axis: classAxis(shape, axis, axis) };
}

function classAxis(shape: readonly number[], axis: number, lastAxis: number): ClassAxis {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    classes: sizeOf(shape.slice(axis, lastAxis + 1)),
    inner: sizeOf(shape.slice(lastAxis + 1)),
  };
}
