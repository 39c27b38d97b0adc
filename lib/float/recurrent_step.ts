import type { Layer } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import type { Operator, Point } from "../ops/operator.ts";
import { INPUT } from "../ops/recurrent_node.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { storeResult, tensorOf } from "./input_values.ts";
import type { LayerGradient, LayerTangent, Wanted } from "./layer_step.ts";
import type { Step } from "./step.ts";
import type { Variable } from "./variable.ts";

type Which = "gradient" | "gradientTangent";

/**
 * A recurrence with derivatives by its weight R and by its layer's input, which is h after every step: what is added there
 * goes to the output of the step and into the steps behind it.
 */
export class RecurrentStep implements Step {
  readonly isCurved = true;
  readonly #operator: Operator;
  readonly #wanted: readonly boolean[];
  #direction: LayerTangent = {};
  #asked: Wanted = { weights: false, inputs: false };
  readonly #found: Record<Which, LayerGradient> = { gradient: {}, gradientTangent: {} };

  /** `inputs` are undefined where the node's are absent or constant; `constants` has those. */
  constructor(
    readonly layer: Layer,
    readonly inputs: readonly (Variable | undefined)[],
    readonly constants: readonly (Tensor | undefined)[],
    readonly outputs: readonly Variable[],
  ) {
    this.#operator = operatorOf(layer.node.op);
    this.#wanted = Array.from(
      { length: INPUT.added + 1 },
      (_, place) => place === INPUT.r || place === INPUT.added || inputs[place]?.isPerturbed === true,
    );
  }

  get name(): string {
    return this.layer.name;
  }

  /** h after every step. */
  get input(): Variable {
    return this.outputs[0];
  }

  /** R in ONNX order is in the order of tangents and gradients. */
  orderWeights(weights: Float32Array): Float32Array {
    return weights;
  }

  setDirection(direction: LayerTangent): void {
    this.#direction = direction;
  }

  want(wanted: Wanted): void {
    this.#asked = wanted;
  }

  forward(): void {
    const { inputs } = this.#values();
    this.#operator.forward(this.layer.node, inputs, this.outputs.map(({ value }) => value)).forEach((result, i) => {
      storeResult(result, this.outputs[i].region.data);
    });
  }

  tangent(): void {
    const tangents = this.#tangents();
    if (tangents.every((tangent) => tangent === undefined)) return;
    this.#operator.derivatives.tangent(this.layer.node, this.#values(), tangents)
      .forEach((term, i) => this.outputs[i].tangent.add(term));
  }

  gradient(): void {
    this.#clear("gradient");
    this.#addGradients("gradient");
  }

  gradientTangent(): void {
    this.#clear("gradientTangent");
    this.#addGradients("gradientTangent");
    const tangents = this.#tangents();
    if (tangents.every((tangent) => tangent === undefined)) return;
    if (!this.outputs.some(({ gradient }) => gradient.isPresent)) return;
    const gradients = this.outputs.map(({ gradient }) => gradient.elements);
    const { curvature } = this.#operator.derivatives;
    this.#add("gradientTangent", curvature!(this.layer.node, this.#values(), tangents, gradients, this.#wanted));
  }

  /** Of the last `gradient`. */
  get layerGradient(): LayerGradient {
    return this.#found.gradient;
  }

  /** Of the last `gradientTangent`. */
  get layerGradientTangent(): LayerGradient {
    return this.#found.gradientTangent;
  }

  #clear(which: Which): void {
    const { weights, inputs } = this.#asked;
    this.#found[which] = {
      ...(weights && { weights: new Float32Array(this.layer.weight.data.length) }),
      ...(inputs && { input: new Float32Array(this.input.region.length) }),
    };
  }

  #addGradients(which: Which): void {
    if (!this.outputs.some((output) => output[which].isPresent)) return;
    const gradients = this.outputs.map((output) => output[which].elements);
    this.#add(which, this.#operator.derivatives.gradient(this.layer.node, this.#values(), gradients, this.#wanted));
  }

  #add(which: Which, terms: readonly (Float32Array | undefined)[]): void {
    const { weights, input } = this.#found[which];
    terms.forEach((term, place) => {
      if (term === undefined) return;
      const own = place === INPUT.r ? weights : place === INPUT.added ? input : undefined;
      own?.forEach((value, i) => own[i] = value + term[i]);
      this.inputs[place]?.[which].add(term);
    });
  }

  #tangents(): (Float32Array | undefined)[] {
    const { weights, input } = this.#direction;
    return this.#wanted.map((_, place) => {
      if (place === INPUT.r) return weights;
      if (place === INPUT.added) return input;
      const variable = this.inputs[place];
      return variable?.tangent.isPresent ? variable.tangent.data : undefined;
    });
  }

  #values(): Point {
    const tensors = ({ value, region }: Variable): Tensor => tensorOf(value, region.data);
    const { shape } = this.input.value;
    const inputs = this.#wanted.map((_, place) => {
      const variable = this.inputs[place];
      return variable ? tensors(variable) : this.constants[place];
    });
    const nothing = tensor("f32", shape, new Float32Array(this.input.region.length));
    return { inputs: inputs.with(INPUT.added, nothing), outputs: this.outputs.map(tensors) };
  }
}
