import { inputError } from "../format/error.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Elements of an integer tensor as numbers. @throws DyadError for one that a number cannot hold exactly. */
export function integersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, (element) => {
    const value = Number(element);
    if (!Number.isSafeInteger(value)) throw inputError(`found ${element}, expected an integer below 2^53`);
    return value;
  });
}
