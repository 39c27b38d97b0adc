import { fakeQuantize } from "../arith/fake_quantization.ts";
import { activationQuantization } from "../arith/quantization.ts";
import { type CalibratedTensor, rangeOf } from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import type { FloatEngine } from "../float/engine.ts";
import { layersOf } from "../ops/layers.ts";
import type { CalibrationMethod } from "./method.ts";

/** Samples on which methods are compared: the first ones. */
const COMPARED_SAMPLES = 64;
/** Widths at which all activations are quantized for the comparison. */
const COMPARED_BITS = [8, 4];

/**
 * The method under which the network's output moves least when the inputs of all layers are quantized:
 *
 *     error = geometric mean over widths (8 and 4 bits) of  sum (y_q - y)^2 / sum y^2
 *
 * over the first samples. Weights stay float, so that only the activation ranges are compared.
 */
export function chooseMethod(
  engine: FloatEngine,
  dataset: Dataset,
  tensors: readonly CalibratedTensor[],
  methods: readonly CalibrationMethod[],
): { method: string; methodErrors: Record<string, number> } {
  const layers = layersOf(engine.graph);
  const settings = methods.flatMap(({ name }) =>
    COMPARED_BITS.map((bits) => {
      const changes = layers.map(({ name: layer, node: { inputs: [input] } }) => {
        const quantization = activationQuantization(rangeOf({ tensors: [...tensors] }, input, name, bits), bits);
        return { layer, input: (data: Float32Array) => fakeQuantize(data, quantization) };
      });
      return { name, changes, error: 0 };
    })
  );
  let power = 0;
  for (let i = 0; i < Math.min(COMPARED_SAMPLES, dataset.count); i++) {
    const output = engine.run(sampleAsFloat(dataset, i));
    power += output.reduce((sum, y) => sum + y * y, 0);
    for (const setting of settings) {
      engine.rerunAll(setting.changes).forEach((y, k) => setting.error += (y - output[k]) ** 2);
    }
  }
  const relative = (error: number): number => power === 0 ? 0 : error / power;
  const errors = methods.map(({ name }): [string, number] => {
    const found = settings.filter((setting) => setting.name === name).map(({ error }) => relative(error));
    return [name, found.reduce((product, error) => product * error, 1) ** (1 / found.length)];
  });
  const [method] = errors.reduce((best, entry) => entry[1] < best[1] ? entry : best);
  return { method, methodErrors: Object.fromEntries(errors) };
}
