import { divergence } from "../../arith/loss.ts";
import { compileDerivatives, type DifferentiableLayer } from "../../float/differentiator.ts";
import { fillRademacher, rademacherStream } from "../../tensor/rademacher.ts";
import { floatOutput } from "../float_output.ts";
import type { Measurement, Meter, Outline, Quantity } from "../measurement.ts";
import type { Sample } from "../samples.ts";
import type { StudiedLayer, Study } from "../study.ts";
import { activationFormats, weightFormats } from "../widths.ts";

/**
 * What quantization does, weighted by the diagonal of the Fisher information F of the network's own distribution: for the
 * weights sum of F (W - Q(W))^2, for a layer's input the mean over images of sum of F (a - Q(a))^2.
 *
 * F is the mean of squared gradients of the log-likelihood, labels drawn from softmax p. They have the covariance
 * J^T (diag(p) - p p^T) J, which g = J^T S z has as well, S a root of the matrix in the middle and z of independent signs:
 * its squares have the mean F, without the large, rare gradients of unlikely labels. Each round takes new signs for each
 * image.
 */
export const fisher: Measurement = {
  name: "fisher",
  rounds: "many",
  quantities,
  workPerImage: ({ layers }) => 3 * layers.reduce((sum, { macs }) => sum + macs, 0),
  prepare,
};

/** The quantity of a layer's weights stored as this name says (`weightFormatName`). */
export function weightFisherQuantity(weights: string): string {
  return `Fisher-weighted error of its weights at ${weights} bits`;
}

/** The quantity of a layer's input held as this name says (`activationFormatName`). */
export function inputFisherQuantity(activations: string): string {
  return `Fisher-weighted error of its input at ${activations} bits`;
}

function quantities({ layers }: Outline): Quantity[] {
  return layers.flatMap((layer) => [
    ...weightFormats(layer).map((name): Quantity => ({ layer: layer.name, name: weightFisherQuantity(name) })),
    ...activationFormats(layer).map((activations): Quantity => ({
      layer: layer.name,
      name: inputFisherQuantity(activations),
    })),
  ]);
}

function prepare(study: Study): Meter {
  const { probeSeed = 0 } = study.request;
  const engine = compileDerivatives(study.graph, study.request);
  const layers = study.layers.map((studied, i) => errorsOf(studied, engine.layers[i]));
  const count = layers.reduce((sum, { weightErrors, quantizers }) => sum + weightErrors.length + quantizers.length, 0);

  function* measure(samples: readonly Sample[], round: number): Generator<number, number[]> {
    const sums = new Array<number>(count).fill(0);
    for (const [done, sample] of samples.entries()) {
      const output = floatOutput(study, sample, (image) => engine.run(image));
      const signs = fillRademacher(
        new Float32Array(output.length),
        rademacherStream(probeSeed, round, sample.index),
      );
      const seed = divergence(output, study.axis, output).hessianRootProduct(signs);
      const gradients = engine.gradient(seed, { weights: true, inputs: true });
      let next = 0;
      for (const { name, input, weightErrors, quantizers } of layers) {
        const gradient = gradients.get(name)!;
        for (const errors of weightErrors) sums[next++] += weightedSquares(gradient.weights!, errors);
        for (const quantize of quantizers) sums[next++] += weightedSquares(gradient.input!, errorOf(input, quantize));
      }
      yield (done + 1) / samples.length;
    }
    return sums;
  }

  return { measure };
}

/** What quantization does to a layer: W - Q(W) by weight format, ordered like gradients, and Q of its input by format. */
function errorsOf({ row, layer, quantized, inputQuantizers }: StudiedLayer, compiled: DifferentiableLayer) {
  return {
    name: layer.name,
    input: compiled.input,
    weightErrors: weightFormats(row).map((format) => {
      const { weights } = quantized.get(format)!;
      return compiled.orderWeights(layer.weight.data.map((weight, i) => weight - weights[i]));
    }),
    quantizers: activationFormats(row).map((activations) => inputQuantizers.get(activations)!),
  };
}

function errorOf(values: Float32Array, quantize: (data: Float32Array) => void): Float32Array {
  const errors = values.slice();
  quantize(errors);
  for (let i = 0; i < errors.length; i++) errors[i] = values[i] - errors[i];
  return errors;
}

/** Sum of (gradient * error)^2. */
function weightedSquares(gradient: Float32Array, error: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < gradient.length; i++) {
    const product = gradient[i] * error[i];
    sum += product * product;
  }
  return sum;
}
