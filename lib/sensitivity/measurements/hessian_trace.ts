import type { Loss } from "../../arith/loss.ts";
import { compileDerivatives, type Differentiator, type LayerGradient } from "../../float/differentiator.ts";
import type { SensitivityCurvature } from "../../format/sensitivity.ts";
import { fillRademacher, rademacherStream } from "../../tensor/rademacher.ts";
import type { Random } from "../../tensor/random.ts";
import { floatOutput } from "../float_output.ts";
import type { FrameLayer } from "../frame.ts";
import { lossOfSample } from "../loss_of_sample.ts";
import type { Means } from "../means.ts";
import type { Measurement, Meter, Outline, Quantity } from "../measurement.ts";
import { rounded } from "../rounded.ts";
import type { Sample } from "../samples.ts";
import type { Study } from "../study.ts";

/**
 * The trace of the Hessian H of the loss with respect to the weights of each layer, and to its input, by Hutchinson's
 * estimator: E v^T A v = trace A for random v of independent signs ("A stochastic estimator of the trace of the influence
 * matrix", 1990; for layers HAWQ-V2, arXiv 1911.03852). Each round takes new signs for each image.
 *
 * In a piecewise linear network H is J^T L J, J the Jacobian of the logits and L the loss's Hessian at them. With S a root
 * of L, trace H = trace (J^T S)^T (J^T S), so that signs z for the logits suffice: one gradient J^T S z gives the estimate
 * |J^T S z|^2 for the weights and inputs of all layers. It has the same mean as v^T H v with signs for the weights, less
 * variance, no terms between layers, and it is never negative. Labels have no part in it, since L has not.
 *
 * Other networks get v^T H v by exact Hessian-vector products, one layer at a time: with signs for all layers in one
 * product the terms between layers vanish only in expectation, and drown the layers of small trace.
 */
export const hessian_trace: Measurement = {
  name: "hessian-trace",
  rounds: "many",
  quantities,
  workPerImage: ({ layers }) => 3 * layers.reduce((sum, { macs }) => sum + macs, 0),
  prepare,
  curvature,
};

export const WEIGHT_TRACE = "trace of the Hessian of its weights";
export const INPUT_TRACE = "trace of the Hessian of its input";

function quantities({ layers }: Outline): Quantity[] {
  return layers.flatMap(({ name }) => [{ layer: name, name: WEIGHT_TRACE }, { layer: name, name: INPUT_TRACE }]);
}

function prepare(study: Study): Meter {
  const { probeSeed = 0 } = study.request;
  const engine = compileDerivatives(study.graph, study.request);
  const estimate = engine.isPiecewiseLinear ? logitProbe : layerProbes;

  function* measure(samples: readonly Sample[], round: number): Generator<number, number[]> {
    const sums = new Array<number>(2 * engine.layers.length).fill(0);
    for (const [done, sample] of samples.entries()) {
      const output = floatOutput(study, sample, (image) => engine.run(image));
      const signs = rademacherStream(probeSeed, round, sample.index);
      let next = 0;
      for (const { weights, input } of estimate(engine, lossOfSample(study, sample, output), signs)) {
        sums[next++] += weights;
        sums[next++] += input;
      }
      yield (done + 1) / samples.length;
    }
    return sums;
  }

  return { measure };
}

/** Estimates of both traces of one layer. */
interface Traces {
  readonly weights: number;
  readonly input: number;
}

const BOTH = { weights: true, inputs: true };

/** By layer, from one gradient with signs for the logits. */
function logitProbe(engine: Differentiator, loss: Loss, signs: Random): Traces[] {
  const seed = loss.hessianRootProduct(fillRademacher(new Float32Array(loss.gradient.length), signs));
  const gradients = engine.gradient(seed, BOTH);
  return engine.layers.map(({ layer }) => {
    const { weights, input } = gradients.get(layer.name)!;
    return { weights: dot(weights!, weights!), input: dot(input!, input!) };
  });
}

/** By layer, from a Hessian-vector product for its weights and one for its input. */
export function layerProbes(engine: Differentiator, loss: Loss, signs: Random): Traces[] {
  engine.gradient(loss.gradient, BOTH);
  const product = (name: string, which: keyof LayerGradient, length: number): number => {
    const v = fillRademacher(new Float32Array(length), signs);
    const tangent = engine.tangent(new Map([[name, { [which]: v }]]));
    return dot(engine.gradientTangent(loss.hessianProduct(tangent)).get(name)![which]!, v);
  };
  return engine.layers.map(({ layer: { name, parameters }, inputSize }) => ({
    weights: product(name, "weights", parameters),
    input: product(name, "input", inputSize),
  }));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function curvature({ name }: FrameLayer, means: Means): SensitivityCurvature {
  const estimate = (quantity: string): SensitivityCurvature["weights"] => {
    const rounds = means.byRound(hessian_trace.name, quantity, name);
    const standardError = standardErrorOf(rounds);
    return {
      trace: rounded(means.mean(hessian_trace.name, quantity, name)),
      ...(standardError !== undefined && { standardError: rounded(standardError) }),
      rounds: rounds.length,
    };
  };
  return { weights: estimate(WEIGHT_TRACE), activations: estimate(INPUT_TRACE) };
}

/** Of the mean of independent values; undefined for a single one, of which nothing is known. */
function standardErrorOf(values: readonly number[]): number | undefined {
  const count = values.length;
  if (count < 2) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (count - 1) / count);
}
