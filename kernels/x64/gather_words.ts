import type { KernelFunction } from "./kernel_function.ts";
import { k, masked, type Memory, type VectorRegister } from "./operands.ts";

const ALL = k(4);
const GATHERED = k(5);

/** Prepares `emitGatherWords`. */
export function emitGatherMask(f: KernelFunction): void {
  f.mask(ALL, 0xffff);
}

/**
 * Loads sixteen int32, each from the address of its element of the index, which is another register than the target. A
 * gather clears its mask.
 */
export function emitGatherWords(f: KernelFunction, target: VectorRegister, source: Memory): void {
  f.code.emit("kmovw", GATHERED, ALL).emit("vpgatherdd", masked(target, GATHERED), source);
}
