import { inputError } from "../format/error.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { prune } from "../ir/patch.ts";
import { operatorOf } from "./mod.ts";
import { openEndsOf } from "./states.ts";
import type { SoftmaxAttributes } from "./softmax.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { ClassAxis } from "../arith/log_softmax.ts";

/** A network that ends with its logits, and after them the states that it may have. */
export interface LogitsGraph {
  readonly graph: Graph;
  readonly axis: ClassAxis;
  /** The Softmax or LogSoftmax that was left out, by operator. */
  readonly dropped?: string;
}

/**
 * The graph without a last Softmax, which says where the classes lie; without one they lie on axis 1, of sequences of
 * tokens on the last.
 * @throws DyadError (input) for a graph of several inputs or outputs, states not counted.
 */
export function logitsOf(graph: Graph): LogitsGraph {
  const { inputs, outputs: [output, ...others] } = openEndsOf(graph);
  if (inputs.length !== 1 || output === undefined || others.length > 0) {
    throw inputError(
      `graph ${graph.name}: found the inputs ${graph.inputs.join(", ")} and the outputs ${graph.outputs.join(", ")}, ` +
        `expected one of each beside states of recurrent layers`,
    );
  }
  const last = graph.nodes.find(({ outputs }) => outputs.includes(output));
  if (last !== undefined && operatorOf(last.op).quantization === "final") {
    const { axis, lastAxis } = last.attributes as unknown as SoftmaxAttributes; // every final operator is a softmax
    const [logits] = last.inputs;
    return {
      graph: prune({ ...graph, outputs: graph.outputs.map((name) => name === output ? logits : name) }),
      dropped: last.op,
      axis: classAxis(valueOf(graph, logits).shape, axis, lastAxis),
    };
  }
  const { shape } = valueOf(graph, output);
  const ofTokens = valueOf(graph, inputs[0]).dtype !== "f32";
  const axis = ofTokens ? shape.length - 1 : Math.min(1, shape.length - 1);
  return { graph, axis: classAxis(shape, axis, axis) };
}

function classAxis(shape: readonly number[], axis: number, lastAxis: number): ClassAxis {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    classes: sizeOf(shape.slice(axis, lastAxis + 1)),
    inner: sizeOf(shape.slice(lastAxis + 1)),
  };
}
