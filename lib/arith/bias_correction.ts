/**
 * What quantization takes off the mean of every output channel of a layer, to be added to its bias (Nagel et al.,
 * "Data-Free Quantization Through Weight Equalization and Bias Correction", arXiv 1906.04721, section 4.2, with means
 * measured; for activations too):
 *
 *     correction[o] = sum over i, taps of (w[o, i, tap] - w_q[o, i, tap]) E[x_i] - w_q[o, i, tap] E[Q(x_i) - x_i]
 *
 * `weights` and `quantized` (the reals its integers stand for) are [outputs, inputs / groups, taps]; `means` holds E[x] and
 * `shifts` E[Q(x) - x] of every input channel; groups follow from their length. Padding is taken to have the same means.
 */
export function biasCorrection(
  weights: Float32Array,
  quantized: Float32Array,
  shape: readonly number[],
  means: ArrayLike<number>,
  shifts?: ArrayLike<number>,
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
      let kept = 0;
      for (let k = start; k < start + taps; k++) {
        lost += weights[k] - quantized[k];
        kept += quantized[k];
      }
      correction[o] += means[firstInput + i] * lost - (shifts?.[firstInput + i] ?? 0) * kept;
    }
  }
  return correction;
}
