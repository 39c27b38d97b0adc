import { inputError } from "../format/error.ts";
import type { Sample } from "./samples.ts";
import type { Study } from "./study.ts";

/**
 * The float network's output for a sample, by an engine's `run`.
 * @throws DyadError (input) naming the sample where it is not finite.
 */
export function floatOutput(
  { request }: Study,
  { index, input }: Sample,
  run: (image: Float32Array) => Float32Array,
): Float32Array {
  const output = run(input);
  if (output.every(Number.isFinite)) return output;
  throw inputError(
    `${request.dataName}: the float network's output for sample ${index} holds NaN or infinity, expected finite ` +
      `numbers; check the model and the mean, std and scale of the data`,
  );
}
