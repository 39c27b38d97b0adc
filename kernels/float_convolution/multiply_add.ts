import type { DenseArithmetic } from "../convolution/dense_layout.ts";

/** Multiply, round, add, round: no fused form, whose single rounding differs from machine to machine. */
export const MULTIPLY_ADD: DenseArithmetic = {
  elementBytes: 4,
  elementsPerStep: 1,
  loadWeights: "v128.load",
  weightVectorBytes: 16,
  multiply: "f32x4.mul",
  add: "f32x4.add",
  setWeight: (view, position, weight) => view.setFloat32(position, weight, true),
};
