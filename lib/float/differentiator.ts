import type { Problem } from "../../kernels/kernel.ts";
import { type Graph, readersOf, type Value, valueOf } from "../ir/graph.ts";
import { type Layer, layersOf } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import { tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";
import { Arena } from "./arena.ts";
import { type FloatBackend, loadFloatKernels } from "./float_backend.ts";
import { loadInputs } from "./input_values.ts";
import { type LayerGradient, LayerStep, type LayerTangent, type Wanted } from "./layer_step.ts";
import { LinkedCalls } from "./linked_calls.ts";
import { OperatorStep } from "./operator_step.ts";
import { RecurrentStep } from "./recurrent_step.ts";
import { reserveVariable, type Variable } from "./variable.ts";

export type { LayerGradient, LayerTangent, Wanted };

/** Along what the network is changed, by layer; a layer that is left out stays as it is. */
export type Direction = ReadonlyMap<string, LayerTangent>;

export type Gradients = ReadonlyMap<string, LayerGradient>;

/** A layer as its derivatives are taken. */
export interface DifferentiableLayer {
  readonly layer: Layer;
  /** Number of elements of its input. */
  readonly inputSize: number;
  /** Its input at the image of the last `run`, in memory order: a view, not to be written to. */
  readonly input: Float32Array;
  /** Weights from ONNX order to the order of tangents and gradients, [O, kernelHeight, kernelWidth, I / groups]. */
  orderWeights(weights: Float32Array): Float32Array;
}

/**
 * A float network with its derivatives with respect to the weights of its layers and to their inputs, at one image after
 * the other. The input of a layer is its own: a value that several layers read is one input for each, and a change of
 * one is not seen by the others. Call `run`, then `gradient`, `tangent` and `gradientTangent` in this order, the last two
 * as often as there are directions:
 *
 *     run              y(image)
 *     gradient         J^T g                         reverse mode
 *     tangent          J v                           forward mode
 *     gradientTangent  J^T g' + (d J^T / dv) g       reverse mode along v
 *
 * where J is the Jacobian of the output. With g the gradient of a loss at the output and g' its Hessian there times J v,
 * the last is the exact product of the loss's Hessian with v (Pearlmutter, "Fast exact multiplication by the Hessian",
 * 1994), with all derivatives between layers. Everything is float32, and the order of every sum is fixed: a kernel's own,
 * then readers of a value from the last to the first.
 */
export interface Differentiator {
  readonly graph: Graph;
  /** In the order of the network. The input of a recurrence is what it gives: h after every step. */
  readonly layers: readonly DifferentiableLayer[];
  /**
   * Whether the output is a piecewise linear function of the weights of each single layer and of its input, since no
   * operator but the layers has curvature. The Hessian of a loss with respect to the weights (or the input) of one layer
   * is J^T H J then, H the loss's at the output: the Jacobian itself does not change with them.
   */
  readonly isPiecewiseLinear: boolean;
  /** One image in ONNX order in, the output in ONNX order out. What follows is at this image. */
  run(image: Float32Array): Float32Array;
  /** Gradients of the sum of the output's elements times `outputGradient` (ONNX order). */
  gradient(outputGradient: Float32Array, wanted: Wanted): Gradients;
  /** The output's tangent along a direction, in ONNX order. */
  tangent(direction: Direction): Float32Array;
  /**
   * The derivative of the last `gradient` along the last direction, for gradients of the output that change by
   * `outputGradientTangent` (ONNX order).
   */
  gradientTangent(outputGradientTangent: Float32Array): Gradients;
}

/** How derivatives are computed; the bits are the same. */
export interface DerivativesOptions {
  /** Default wasm. Native code must have been found to run here (`nativeStatus` of lib/runtime). */
  readonly backend?: FloatBackend;
}

/**
 * Prepares a canonical graph, whose first output is derived: layers run as generated code, and so do other operators that
 * have a kernel; the rest, and derivatives of operators without weights, as they are defined.
 * @throws RangeError for a network that needs more memory than there is.
 */
export function compileDerivatives(graph: Graph, { backend = "wasm" }: DerivativesOptions = {}): Differentiator {
  return new CompiledDerivatives(graph, backend);
}

class CompiledDerivatives implements Differentiator {
  readonly layers: readonly DifferentiableLayer[];
  readonly isPiecewiseLinear: boolean;
  readonly #steps: readonly (LayerStep | RecurrentStep | OperatorStep)[];
  readonly #layerSteps: readonly (LayerStep | RecurrentStep)[];
  readonly #variables: readonly Variable[];
  readonly #inputs: readonly Variable[];
  readonly #output: Variable;

  constructor(readonly graph: Graph, backend: FloatBackend) {
    const arena = new Arena();
    const problems: Problem[] = [];
    const variables = new Map<string, Variable>();
    const reserve = (value: Value, isPerturbed: boolean): Variable => {
      const variable = reserveVariable(arena, value, isPerturbed);
      variables.set(value.name, variable);
      return variable;
    };
    this.#inputs = graph.inputs.map((name) => reserve(valueOf(graph, name), false));
    const layers = new Map(layersOf(graph).map((layer) => [layer.name, layer]));
    const readers = readersOf(graph);
    const layerSteps: (LayerStep | RecurrentStep)[] = [];
    const products: LayerStep[] = [];
    this.#steps = graph.nodes.map((node): LayerStep | RecurrentStep | OperatorStep => {
      const layer = layers.get(node.name);
      const inputs = node.inputs.map((name) => variables.get(name));
      const isPerturbed = layer !== undefined || inputs.some((input) => input?.isPerturbed);
      const outputs = node.outputs.map((name) => reserve(valueOf(graph, name), isPerturbed));
      const constants = node.inputs.map((name) => name === "" ? undefined : valueOf(graph, name).constant);
      if (layer === undefined) return new OperatorStep(node, inputs, constants, outputs, problems);
      if (operatorOf(node.op).quantization === "recurrent") {
        const step = new RecurrentStep(layer, inputs, constants, outputs);
        layerSteps.push(step);
        return step;
      }
      const [name] = node.inputs;
      const isOnlyReader = readers.get(name)!.length === 1 && !graph.outputs.includes(name);
      const step = new LayerStep(layer, inputs[0]!, outputs[0], isOnlyReader, arena, problems);
      layerSteps.push(step);
      products.push(step);
      return step;
    });
    this.#output = variables.get(graph.outputs[0])!;
    this.#variables = [...variables.values()];
    this.#layerSteps = layerSteps;
    this.isPiecewiseLinear = this.#steps.every((step) => step instanceof LayerStep || !step.isCurved);
    const needs = products.map(({ sharedLengths }) => sharedLengths);
    const shared = {
      term: arena.reserve(needs.reduce((most, { term }) => Math.max(most, term), 0)),
      spread: arena.reserve(needs.reduce((most, { spread }) => Math.max(most, spread), 0)),
    };
    const program = loadFloatKernels(problems, arena.bytes, backend);
    arena.bind(program);
    const calls = new LinkedCalls(program);
    for (const step of this.#steps) if (!(step instanceof RecurrentStep)) step.bind(calls, shared);
    this.layers = layerSteps.map((step) => ({
      layer: step.layer,
      inputSize: step.input.region.length,
      input: step.input.region.data,
      orderWeights: (weights) => step.orderWeights(weights),
    }));
  }

  run(image: Float32Array): Float32Array {
    loadInputs(this.#inputs.map(({ value, region: { data } }) => ({ value, data })), image);
    for (const step of this.#steps) step.forward();
    return this.#inLogicalOrder(this.#output.region.data);
  }

  gradient(outputGradient: Float32Array, wanted: Wanted): Gradients {
    for (const { gradient } of this.#variables) gradient.clear();
    for (const step of this.#layerSteps) step.want(wanted);
    this.#seed("gradient", outputGradient);
    for (const step of this.#steps.toReversed()) step.gradient();
    return new Map(this.#layerSteps.map((step) => [step.name, step.layerGradient]));
  }

  tangent(direction: Direction): Float32Array {
    for (const { tangent } of this.#variables) tangent.clear();
    for (const step of this.#layerSteps) step.setDirection(direction.get(step.name) ?? {});
    for (const step of this.#steps) step.tangent();
    return this.#inLogicalOrder(this.#output.tangent.elements);
  }

  gradientTangent(outputGradientTangent: Float32Array): Gradients {
    for (const { gradientTangent } of this.#variables) gradientTangent.clear();
    this.#seed("gradientTangent", outputGradientTangent);
    for (const step of this.#steps.toReversed()) step.gradientTangent();
    return new Map(this.#layerSteps.map((step) => [step.name, step.layerGradientTangent]));
  }

  /** Starts a reverse pass. A gradient of 0 starts nothing: what it would add is 0. */
  #seed(which: "gradient" | "gradientTangent", elements: Float32Array): void {
    const { value: { shape }, [which]: signal } = this.#output;
    if (elements.some((element) => element !== 0)) signal.add(toActivationOrder(tensor("f32", shape, elements)));
  }

  #inLogicalOrder(data: Float32Array): Float32Array {
    return toLogicalOrder(tensor("f32", this.#output.value.shape, data));
  }
}
