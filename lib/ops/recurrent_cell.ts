import type { ActivationFunction, ActivationName } from "./activation_functions.ts";
import type { Span, VectorProgram } from "./vector_program.ts";

/** What one time step of a cell computes with; all vectors are of the hidden size. */
export interface CellStep {
  readonly program: VectorProgram;
  /** x_t W^T + Wb, gate after gate. */
  readonly input: Span;
  /** Of the step before: h, and c where the cell has one. */
  readonly states: readonly Span[];
  /** v R^T + Rb of gates `first` to `first + count - 1`, one after the other. */
  recurrent(vector: Span, first: number, count: number): Span;
  /** In the order of `RecurrentCell.activations`, clipped. */
  readonly activations: readonly ActivationFunction[];
  /** LSTM: weights P of the cell state at gates i, o and f. */
  readonly peepholes?: readonly Span[];
  readonly variant: boolean;
}

/** A recurrent cell of ONNX: its gates, its states and the equations of one time step. */
export interface RecurrentCell {
  /** Name of the operator, here and in ONNX. */
  readonly name: string;
  /** Blocks of rows in W, R and both halves of B. */
  readonly gates: number;
  /** 1: the hidden state h; 2: the cell state c too. */
  readonly states: 1 | 2;
  readonly hasPeepholes: boolean;
  /** What the cell applies by default, in the order of the ONNX attribute `activations`. */
  readonly activations: readonly ActivationName[];
  /** The ONNX attribute that switches to the variant of the equations, where there is one. */
  readonly variant?: string;
  /** The states after the step, h first. */
  step(step: CellStep): readonly Span[];
}

/** Part `index` of a span of equal parts of `length`, or `count` of them. */
export function partOf(span: Span, length: number, index: number, count = 1): Span {
  return { start: span.start + index * length, length: count * length };
}
