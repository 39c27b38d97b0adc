import { compileFloat } from "../../float/engine.ts";
import { floatOutput } from "../float_output.ts";
import type { Measurement, Meter, Outline, Quantity } from "../measurement.ts";
import type { Sample } from "../samples.ts";
import type { Study } from "../study.ts";
import { activationFormats } from "../widths.ts";

/** What quantizing a layer's input does to it: ||a - Q(a)||^2, the mean over images. */
export const activation_error: Measurement = {
  name: "activation-error",
  rounds: "one",
  quantities,
  workPerImage: ({ layers }) => layers.reduce((sum, { macs }) => sum + macs, 0),
  prepare,
};

/** The quantity of a layer's input held as this name says (`activationFormatName`). */
export function inputErrorQuantity(activations: string): string {
  return `squared error of its input at ${activations} bits`;
}

function quantities({ layers }: Outline): Quantity[] {
  return layers.flatMap((layer) =>
    activationFormats(layer).map((activations): Quantity => ({
      layer: layer.name,
      name: inputErrorQuantity(activations),
    }))
  );
}

function prepare(study: Study): Meter {
  const engine = compileFloat(study.graph, undefined, study.request);
  const quantizers = study.layers.flatMap(({ row, layer, inputQuantizers }) =>
    activationFormats(row).map((activations) => ({ input: layer.input, quantize: inputQuantizers.get(activations)! }))
  );
  const byInput = Map.groupBy(
    quantizers.map((quantizer, position) => ({ ...quantizer, position })),
    ({ input }) => input,
  );

  function* measure(samples: readonly Sample[]): Generator<number, number[]> {
    const sums = new Array<number>(quantizers.length).fill(0);
    for (const [done, sample] of samples.entries()) {
      floatOutput(study, sample, (image) =>
        engine.run(image, (value, data) => {
          for (const { quantize, position } of byInput.get(value) ?? []) {
            sums[position] += squaredError(data, quantize);
          }
        }));
      yield (done + 1) / samples.length;
    }
    return sums;
  }

  return { measure };
}

function squaredError(values: Float32Array, quantize: (data: Float32Array) => void): number {
  const quantized = values.slice();
  quantize(quantized);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const error = values[i] - quantized[i];
    sum += error * error;
  }
  return sum;
}
