/**
 * What quantizing weights takes off the mean of every output channel, to be added to its bias (Nagel et al., "Data-Free
 * Quantization Through Weight Equalization and Bias Correction", arXiv 1906.04721, section 4.2):
 *
 *     correction[o] = sum over i of E[x_i] * sum over taps of (w[o, i, tap] - w_q[o, i, tap])
 *
 * `weights` and `quantized` (the reals its integers stand for) are [outputs, inputs / groups, taps], `means` holds E[x] of
 * every input channel; groups follow from its length. Padding is taken to have the mean of the image.
 */
export function biasCorrection(
  weights: Float32Array,
  quantized: Float32Array,
  shape: readonly number[],
  means: ArrayLike<number>,
): Float64Array {
  const [outputs, perGroup] = shape;
  const taps = weights.length / (outputs * perGroup);
  const perGroupOutputs = outputs / (means.length / perGroup);
  const correction = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    const firstInput = Math.floor(o / perGroupOutputs) * perGroup;
    for (let i = 0; i < perGroup; i++) {
      const start = (o * perGroup + i) * taps;
      let lost = 0;
      for (let k = start; k < start + taps; k++) lost += weights[k] - quantized[k];
      correction[o] += means[firstInput + i] * lost;
    }
  }
  return correction;
}
