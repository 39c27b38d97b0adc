import { clamp } from "../arith/round.ts";

/** A scalar function with its first and second derivative. At a kink the derivatives are those of the side below. */
export interface ActivationFunction {
  value(x: number): number;
  slope(x: number): number;
  bend(x: number): number;
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** By the names that ONNX gives them, in nodes of their own and in the attribute `activations` of recurrent nodes. */
export const ACTIVATION_FUNCTIONS = {
  Relu: {
    value: (x) => Math.max(x, 0),
    slope: (x) => x > 0 ? 1 : 0,
    bend: () => 0,
  },
  Sigmoid: {
    value: logistic,
    slope(x) {
      const s = logistic(x);
      return s * (1 - s);
    },
    bend(x) {
      const s = logistic(x);
      return s * (1 - s) * (1 - 2 * s);
    },
  },
  Tanh: {
    value: Math.tanh,
    slope: (x) => 1 - Math.tanh(x) ** 2,
    bend(x) {
      const t = Math.tanh(x);
      return -2 * t * (1 - t * t);
    },
  },
} as const satisfies Readonly<Record<string, ActivationFunction>>;

export type ActivationName = keyof typeof ACTIVATION_FUNCTIONS;

/** The function of an argument that is first clamped to [-bound, bound]. */
export function clippedActivation(activation: ActivationFunction, bound: number): ActivationFunction {
  if (bound === Infinity) return activation;
  const inside = (x: number): boolean => x > -bound && x < bound;
  return {
    value: (x) => activation.value(clamp(x, -bound, bound)),
    slope: (x) => inside(x) ? activation.slope(x) : 0,
    bend: (x) => inside(x) ? activation.bend(x) : 0,
  };
}
