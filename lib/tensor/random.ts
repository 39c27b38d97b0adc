/**
 * A seeded stream of pseudo-random numbers, the same on every machine: xoshiro128** (Blackman and Vigna, "Scrambled
 * linear pseudorandom number generators", 2018), its state filled by splitmix32 from the seed.
 */
export interface Random {
  /** Uniform over 0 .. 2^32-1. */
  uint32(): number;
  /** Uniform over [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform over the integers low..high, both included. */
  integer(low: number, high: number): number;
  /** Standard normal (Box and Muller, 1958). */
  normal(): number;
  /** A random order of 0..length-1 (Fisher and Yates). */
  permutation(length: number): number[];
}

export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  function splitmix32(): number {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }
  const state = [splitmix32(), splitmix32(), splitmix32(), splitmix32()];
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

  function uint32(): number {
    const result = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0;
    const t = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = rotate(state[3], 11);
    return result;
  }
  const uniform = (): number => uint32() / 2 ** 32;
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1));
  function normal(): number {
    return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }
  function permutation(length: number): number[] {
    const order = Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = integer(0, i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
  return { uint32, uniform, integer, normal, permutation };
}
