import { CODED_LENGTH_MAX } from "../arith/online_codes.ts";
import { inputError } from "../format/error.ts";

/** `length`, which vectors of codes can have. @throws DyadError (input) naming the layer where they cannot. */
export function codedLength(layer: string, length: number): number {
  if (length <= CODED_LENGTH_MAX) return length;
  throw inputError(
    `layer ${layer}: its input has vectors of ${length} elements, codes are found for at most ${CODED_LENGTH_MAX}; ` +
      `give it integer activations, as in 8/8`,
  );
}
