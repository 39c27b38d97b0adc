import type { DynamicProductProblem } from "../arith/dynamic_product.ts";
import type { IntegerWeights } from "../arith/integer_weights.ts";
import type { FloatConvolutionProblem, FloatProblem, FloatProductProblem, IntegerProblem } from "../arith/problem.ts";
import type { Quantization } from "../arith/quantization.ts";
import type { Node, Value, ValueType } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
import type { FloatTensor, Tensor } from "../tensor/tensor.ts";

/** Kinds of ONNX attributes. `ints` and `floats` are lists. */
export type AttributeType = "int" | "float" | "string" | "ints" | "floats" | "strings" | "tensor";

/** One attribute that an ONNX node type may carry. `since` and `until` are opsets, both included. */
export interface AttributeSpec {
  readonly type: AttributeType;
  readonly since?: number;
  readonly until?: number;
}

/** Raw attribute values as read from the file: integers as numbers (checked to be exact), tensors as `Tensor`. */
export type RawAttributes = Readonly<Record<string, number | string | number[] | string[] | Tensor>>;

/** An ONNX node as an operator's `translate` sees it; types of all its inputs are known. */
export interface ImportNode {
  readonly name: string;
  readonly opset: number;
  readonly attributes: RawAttributes;
  /** Names of the inputs; "" for an absent one. Trailing absent inputs may be missing. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Type and, if it is one, constant content of input `index`; undefined where it is absent. */
  input(index: number): Value | undefined;
  /** Constant content of input `index`. @throws DyadError naming the node when it is computed at run time. */
  constant(index: number, what: string): Tensor;
  /** Adds a constant to the graph and returns its name. */
  addConstant(suffix: string, value: Tensor): string;
  /** A fresh value name for an intermediate result. */
  temporary(suffix: string): string;
  /** An input error that names the node. */
  fail(message: string): never;
}

/** What `translate` returns: nodes of this program's own operators, in order. Names default to the ONNX node's. */
export type NodeDraft = Pick<Node, "op" | "inputs" | "outputs" | "attributes"> & { readonly name?: string };

/** How nodes of one ONNX type enter the graph. One that is equal to another operator is only this. */
export interface OnnxImport {
  readonly type: string;
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
  /** Number of outputs a graph may use; further outputs are an error that names them. Default 1. */
  readonly outputs?: number;
  translate(node: ImportNode): NodeDraft[];
}

/** Multiplications and bytes of one node on one image. */
export interface Cost {
  readonly macs: number;
  /** Weights, biases not counted. */
  readonly parameters: number;
}

/**
 * How a node's tensors are quantized together.
 * - `weighted`: input 0 is quantized at the layer's activation bits, input 1 is a weight; the result is an int32
 *   accumulator that may stay wide.
 * - `recurrent`: input 0 is an accumulator of a layer before it, input 1 a weight; what is quantized at the layer's activation
 *   bits is output 0, which the weight is multiplied with step by step.
 * - `mapping`: the same as rescaling, of at most 8 bits: a table has an entry for each integer.
 * - `rescaling`: every input and the output have parameters of their own.
 * - `summing`: the same, and an input may be an int32 accumulator with one scale per channel.
 * - `joining`: the same, and an input that has the output's parameters is only copied, so they are worth sharing.
 * - `sharing`: the inputs and the output have the same parameters; the integers are moved or compared, not rescaled.
 * - `final`: only legal as the last node; the integer network ends before it.
 * - `float`: has no integer form yet, so a network with it runs in float only.
 */
export type QuantizationRule =
  | "weighted"
  | "recurrent"
  | "mapping"
  | "rescaling"
  | "summing"
  | "joining"
  | "sharing"
  | "final"
  | "float";

/** An activation as the integer network holds it. */
export interface IntegerTensor {
  readonly shape: Shape;
  /** For an accumulator: one scale per channel (`channelScales`) or a single one, zero point 0. */
  readonly quantization: Quantization;
  readonly channelScales?: Float64Array;
}

/** What `lower` gets: how each input and the output are held. A weighted node gets its weight, and no `output` stays wide. */
export interface LoweringContext {
  readonly inputs: readonly IntegerTensor[];
  readonly output?: IntegerTensor;
  /** Integers in ONNX order. */
  readonly weight?: IntegerWeights;
  /** Real bias per output channel. */
  readonly bias?: Float64Array;
  /** Of a node with constant inputs: their contents, by input. */
  readonly constants?: readonly (Tensor | undefined)[];
  /** Of a recurrence: the largest magnitude of the state that is held wide, and whether its states go on from one run to the next. */
  readonly recurrence?: {
    readonly largestCell: number;
    readonly carriesState: boolean;
    /** Bits of the codes that h becomes after every step, where it does. */
    readonly hiddenCodes?: number;
    /** Constant states other than 0 before the first step, h and then c. */
    readonly first?: readonly (FloatTensor | undefined)[];
  };
}

/** A small instance of an operator, for the contract tests: attributes, and shapes of its inputs for one image. */
export interface OperatorSample<A = Node["attributes"]> {
  readonly attributes: A;
  readonly inputs: readonly Shape[];
  /** Inputs whose values are all positive, by index: variances. */
  readonly positive?: readonly number[];
  /** Inputs of integers, by index: what they hold. Nothing is derived by them. */
  readonly integers?: Readonly<Record<number, Tensor>>;
}

/** Inputs and outputs of a node where its derivatives are taken: what `forward` read and wrote, in the same order. */
export interface Point {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
}

/**
 * Derivatives of one node at a point, on one image. J is the matrix of first derivatives of the outputs by the inputs, H_o
 * that of the second derivatives of output element o. Every array is float32 in the memory order of the tensor it belongs
 * to (activations channels-last, constants in ONNX order); sums over elements are in float64, in a fixed order.
 * Results are new arrays: a caller may add to them.
 *
 * Where an operator has a kink, one side is taken: a result at a clamp's bound has derivative 0, as a Relu has at 0, and
 * of equal largest taps of a MaxPool the first one is the result.
 */
export interface Derivatives<A> {
  /** Forward mode: tangents of the outputs, J t, from tangents t of the inputs. An undefined tangent is 0. */
  tangent(node: Node<A>, point: Point, tangents: readonly (Float32Array | undefined)[]): Float32Array[];
  /**
   * Reverse mode: gradients of the inputs, J^T g, from gradients g of the outputs; one for each input, undefined where the
   * input is absent or not `wanted`.
   */
  gradient(
    node: Node<A>,
    point: Point,
    gradients: readonly Float32Array[],
    wanted: readonly boolean[],
  ): (Float32Array | undefined)[];
  /**
   * Derivative of `gradient` along `tangents` of the inputs, `gradients` held fixed: sum over o of g_o H_o t. Undefined
   * where `gradient` is, and where nothing makes it differ from 0. Absent for operators that are linear between kinks.
   */
  curvature?(
    node: Node<A>,
    point: Point,
    tangents: readonly (Float32Array | undefined)[],
    gradients: readonly Float32Array[],
    wanted: readonly boolean[],
  ): (Float32Array | undefined)[];
}

/** How a recurrence runs otherwise than by its definition. */
export interface RecurrentChanges {
  readonly rewrite?: (state: Float32Array) => void;
  /** Writes to `result` the rows of `count` gates from `first` on times a vector: the bits of the definition. */
  readonly multiply?: (vector: Float64Array, first: number, count: number, result: Float64Array) => void;
}

/**
 * An operator of this program: one file, one line in lib/ops/mod.ts.
 * `forward` computes one image from activations in activation order (`activationStrides`), constants in ONNX order.
 */
export interface Operator<A = Node["attributes"]> {
  readonly name: string;
  /** Output types from input types. @throws DyadError naming what does not fit. */
  infer(node: Node<A>, inputs: readonly (Value | undefined)[]): ValueType[];
  /** The definition of the float result, plain loops. */
  forward(node: Node<A>, inputs: readonly (Tensor | undefined)[], outputs: readonly Value[]): Tensor[];
  /** The derivatives of `forward`. */
  readonly derivatives: Derivatives<A>;
  readonly quantization: QuantizationRule;
  /** The dtype of the inputs from the second on where they are constants; absent where every input is computed. */
  readonly constants?: "f32" | "f64";
  readonly samples: readonly OperatorSample<A>[];
  /**
   * On which axis of each output the batch lies when it lies on these axes of the inputs (undefined for those that have
   * none); undefined when images would be mixed. The node and its inputs are those of a graph for two or more images.
   * Absent: `forward` takes one image, on axis 0 of its inputs and outputs.
   */
  batchAxes?(
    node: Node<A>,
    axes: readonly (number | undefined)[],
    inputs: readonly (Value | undefined)[],
  ): readonly number[] | undefined;
  /** Inputs that hold a state before the first time step, and the outputs that hold it after the last. */
  readonly states?: readonly { readonly input: number; readonly output: number }[];
  /** The integer problem of this node, or undefined where the integers do not move (Reshape in place). */
  lower?(node: Node<A>, context: LoweringContext, outputType: ValueType): IntegerProblem | undefined;
  /** For `weighted` operators: the problem of this node whose input, of int32, finds its scale at run time. */
  lowerDynamic?(
    node: Node<A>,
    context: LoweringContext,
    outputType: ValueType,
    activationBits: number,
  ): DynamicProductProblem;
  /** Why this node has no integer form though its operator has one; undefined where it has. */
  withoutIntegers?(node: Node<A>, inputs: readonly (Value | undefined)[]): string | undefined;
  /**
   * For `recurrent` operators: `forward` with the state that the weight is multiplied with rewritten after every step, and
   * with its products computed elsewhere.
   */
  forwardChanged?(
    node: Node<A>,
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly Value[],
    changes: RecurrentChanges,
  ): Tensor[];
  /** For `recurrent` operators: the products of the weight, of this shape, with a vector, one for each gate. */
  lowerProducts?(weights: Float32Array, shape: Shape): FloatProductProblem[];
  /** For `weighted` operators: the float problem with these weights in place of the node's own (ONNX order). */
  lowerFloat?(
    node: Node<A>,
    weights: Float32Array,
    bias: Float32Array | undefined,
    input: Value,
    output: Value,
  ): FloatConvolutionProblem;
  /** The float problem of a node whose inputs are all computed; its reference gives the bits of `forward`. */
  lowerComputed?(node: Node<A>, inputs: readonly Value[], output: Value): FloatProblem;
  /** For `weighted` operators: the axis of the output on which the output channels of the weight lie. */
  channelAxis?(output: Value): number;
  /**
   * For operators with a window: the attributes after taking in a constant padding (top, left, bottom, right) of
   * `value` that stands before the node; undefined where the result would differ.
   */
  absorbPadding?(node: Node<A>, pads: readonly [number, number, number, number], value: number): A | undefined;
  /** Absent: no multiplications, no weights. */
  cost?(node: Node<A>, inputs: readonly (Value | undefined)[], output: Value): Cost;
}

/** One entry of the list of operators: the operator, the ONNX type it comes from, or both. */
export interface OperatorEntry {
  readonly onnx?: OnnxImport;
  readonly operator?: Operator;
}
