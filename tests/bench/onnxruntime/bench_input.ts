/** Random pixels, the same in every process: what all sides run on. */
export function benchPixels(size: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0; // Knuth, The Art of Computer Programming, 3.3.4, line 16
    return state >>> 24;
  });
}

/** The pixels as floats in [-2, 2]: divided by 255, mean 0.5, standard deviation 0.25. */
export function benchFloats(size: number): Float32Array {
  return Float32Array.from(benchPixels(size), (pixel) => (pixel / 255 - 0.5) / 0.25);
}
