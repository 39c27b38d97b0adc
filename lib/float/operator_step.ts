import type { Problem } from "../../kernels/kernel.ts";
import type { Node } from "../ir/graph.ts";
import { operatorOf } from "../ops/mod.ts";
import type { Operator, Point } from "../ops/operator.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { storeResult, tensorOf } from "./input_values.ts";
import type { LinkedCalls } from "./linked_calls.ts";
import type { Step } from "./step.ts";
import type { Variable } from "./variable.ts";

type Which = "gradient" | "gradientTangent";

/** A node without weights, as its operator defines it; its outputs by a kernel where there is one for their bits. */
export class OperatorStep implements Step {
  readonly #operator: Operator;
  readonly #wanted: readonly boolean[];
  /** Of the program that computes its output. */
  readonly #entry?: number;
  #calls?: LinkedCalls;
  #point?: Point;

  /**
   * `inputs` are undefined where the node's are absent or constant; `constants` has those. Adds to `problems`, which are
   * the entries of a program, what computes its output.
   */
  constructor(
    readonly node: Node,
    readonly inputs: readonly (Variable | undefined)[],
    readonly constants: readonly (Tensor | undefined)[],
    readonly outputs: readonly Variable[],
    problems: Problem[],
  ) {
    this.#operator = operatorOf(node.op);
    const computed = inputs.filter((input) => input !== undefined);
    if (computed.length === inputs.length) {
      const problem = this.#operator.lowerComputed?.(node, computed.map(({ value }) => value), outputs[0].value);
      if (problem !== undefined) this.#entry = problems.push(problem) - 1;
    }
    this.#wanted = inputs.map((input) => input !== undefined && input.isPerturbed);
  }

  /** Whether its derivatives change along some direction, kinks aside. */
  get isCurved(): boolean {
    return this.#operator.derivatives.curvature !== undefined;
  }

  bind(calls: LinkedCalls): void {
    this.#calls = calls;
  }

  forward(): void {
    if (this.#entry !== undefined) {
      const inputs = this.inputs.map((input) => input!.region.address); // all are computed
      return this.#calls!.run({ entry: this.#entry, output: this.outputs[0].region.address, inputs });
    }
    const { inputs } = this.#values();
    const outputs = this.outputs.map(({ value }) => value);
    this.#operator.forward(this.node, inputs, outputs).forEach((result, i) => {
      storeResult(result, this.outputs[i].region.data);
    });
  }

  tangent(): void {
    const tangents = this.#tangents();
    if (tangents.every((tangent) => tangent === undefined)) return;
    this.#operator.derivatives.tangent(this.node, this.#values(), tangents)
      .forEach((term, i) => this.outputs[i].tangent.add(term));
  }

  gradient(): void {
    this.#addGradients("gradient");
  }

  gradientTangent(): void {
    this.#addGradients("gradientTangent");
    const { curvature } = this.#operator.derivatives;
    const tangents = this.#tangents();
    if (curvature === undefined || tangents.every((tangent) => tangent === undefined)) return;
    if (!this.outputs.some(({ gradient }) => gradient.isPresent)) return;
    const gradients = this.outputs.map(({ gradient }) => gradient.elements);
    this.#add("gradientTangent", curvature(this.node, this.#values(), tangents, gradients, this.#wanted));
  }

  #addGradients(which: Which): void {
    if (!this.outputs.some((output) => output[which].isPresent)) return;
    const gradients = this.outputs.map((output) => output[which].elements);
    this.#add(which, this.#operator.derivatives.gradient(this.node, this.#values(), gradients, this.#wanted));
  }

  #add(which: Which, terms: readonly (Float32Array | undefined)[]): void {
    terms.forEach((term, i) => term && this.inputs[i]![which].add(term));
  }

  #tangents(): (Float32Array | undefined)[] {
    return this.inputs.map((input) => input?.tangent.isPresent ? input.tangent.data : undefined);
  }

  /** Floats are views of memory that stays where it is, made once it is there; integers are copied each time. */
  #values(): Point {
    const tensors = ({ value, region }: Variable): Tensor => tensorOf(value, region.data);
    const hasIntegers = [...this.inputs, ...this.outputs].some((each) =>
      each !== undefined && each.value.dtype !== "f32"
    );
    if (this.#point !== undefined && !hasIntegers) return this.#point;
    return this.#point = {
      inputs: this.inputs.map((input, i) => input ? tensors(input) : this.constants[i]),
      outputs: this.outputs.map(tensors),
    };
  }
}
