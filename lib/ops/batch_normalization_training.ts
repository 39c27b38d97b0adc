/** Mean and variance of each channel over a batch; the variance is that of the batch itself, divided by its count. */
export interface BatchStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Parameters of a batch normalization: a factor and a summand for each channel. */
export interface BatchNormalizationParameters {
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** Gradients of a batch normalization by its input and its parameters. */
export interface BatchNormalizationGradients {
  readonly x: Float32Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Batch normalization while training (Ioffe and Szegedy, arXiv 1502.03167, algorithm 1): with m elements of a channel in
 * the batch,
 *
 *     mean = sum of x / m        variance = sum of (x - mean)^2 / m
 *     y = scale (x - mean) / sqrt(variance + epsilon) + bias
 *
 * @param x A batch of images in memory order (N, H, W, C), or of rows (N, C): channels innermost.
 * @returns y in the order of x, and the statistics of the batch, which its gradient needs and a moving average keeps.
 * @throws RangeError when x is empty or no whole number of pixels.
 */
export function batchNormalizationTraining(
  x: Float32Array,
  { scale, bias, epsilon }: BatchNormalizationParameters,
): { output: Float32Array; statistics: BatchStatistics } {
  const statistics = batchStatistics(x, scale.length);
  const factor = statistics.variance.map((v, c) => scale[c] / Math.sqrt(v + epsilon));
  const output = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const c = i % scale.length;
    output[i] = (x[i] - statistics.mean[c]) * factor[c] + bias[c];
  }
  return { output, statistics };
}

function batchStatistics(x: Float32Array, channels: number): BatchStatistics {
  if (x.length === 0 || x.length % channels !== 0) {
    throw new RangeError(`a batch of ${x.length} elements, expected a multiple of ${channels} channels`);
  }
  const count = x.length / channels;
  const mean = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) mean[i % channels] += x[i];
  for (let c = 0; c < channels; c++) mean[c] /= count;
  const variance = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) variance[i % channels] += (x[i] - mean[i % channels]) ** 2;
  for (let c = 0; c < channels; c++) variance[c] /= count;
  return { mean, variance };
}

/**
 * Gradients of `batchNormalizationTraining` by x, scale and bias from the gradient g of its output. The statistics depend
 * on x: with n = (x - mean) / sqrt(variance + epsilon), m elements in a channel and sums over them, the formulas of
 * section 3 of the paper become
 *
 *     gbias = sum of g        gscale = sum of g n
 *     gx = scale / sqrt(variance + epsilon) (g - (gbias + n gscale) / m)
 */
export function batchNormalizationTrainingGradient(
  x: Float32Array,
  { scale, epsilon }: BatchNormalizationParameters,
  { mean, variance }: BatchStatistics,
  gradient: Float32Array,
): BatchNormalizationGradients {
  const channels = scale.length;
  const count = x.length / channels;
  const root = variance.map((v) => 1 / Math.sqrt(v + epsilon));
  const ofBias = new Float64Array(channels);
  const ofScale = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    ofBias[c] += gradient[i];
    ofScale[c] += gradient[i] * (x[i] - mean[c]) * root[c];
  }
  const ofX = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    const normalized = (x[i] - mean[c]) * root[c];
    ofX[i] = scale[c] * root[c] * (gradient[i] - (ofBias[c] + normalized * ofScale[c]) / count);
  }
  return { x: ofX, scale: new Float32Array(ofScale), bias: new Float32Array(ofBias) };
}
