import { type Random, seededRandom } from "./random.ts";

/**
 * A seed of 32 bits made of several integers, each taken modulo 2^32 and mixed in by the finalizer of MurmurHash3 (Appleby,
 * 2011). The mixing is a bijection: lists of one length that differ in one number alone have different seeds, others with a
 * probability of 1 - 2^-32.
 */
export function mixedSeed(...parts: readonly number[]): number {
  let hash = 0;
  for (const part of parts) {
    hash = (hash + Math.imul(part, 0x9e3779b1) + 0x7f4a7c15) | 0;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** A stream of independent signs for the parts of a seed. */
export function rademacherStream(...seed: readonly number[]): Random {
  return seededRandom(mixedSeed(...seed));
}

/** Fills an array with 1 and -1, equally likely and independent: 32 of them from each number of the stream. */
export function fillRademacher(target: Float32Array, random: Random): Float32Array {
  for (let first = 0; first < target.length; first += 32) {
    let bits = random.uint32();
    const end = Math.min(target.length, first + 32);
    for (let i = first; i < end; i++) {
      target[i] = 1 - 2 * (bits & 1);
      bits >>>= 1;
    }
  }
  return target;
}
