import { type ClassAxis, klDivergence, logSoftmax } from "../arith/log_softmax.ts";
import { activationQuantization } from "../arith/quantization.ts";
import { type CalibratedTensor, rangeOf } from "../format/calibration.ts";
import { type Dataset, sampleAsFloat } from "../format/dataset.ts";
import {
  type Change,
  compileFloat,
  type FloatEngine,
  type FloatOptions,
  type Rewrites,
  type WeightVariants,
} from "../float/engine.ts";
import type { Graph } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import { logitsOf } from "../ops/logits.ts";
import { ChannelShifts, type TensorQuantizer } from "./channel_shifts.ts";

/** Samples on which methods are compared, spread evenly over the data. */
const COMPARED_SAMPLES = 64;

/** One way to quantize the whole network. */
export interface Setting {
  readonly bits: number;
  readonly method: string;
  readonly changes: readonly Change[];
  readonly rewrites?: Rewrites;
}

/** A float network and the samples on which it is compared with its quantized self. */
export class Comparison {
  readonly shifts: ChannelShifts;

  private constructor(
    readonly engine: FloatEngine,
    private readonly axis: ClassAxis,
    private readonly images: readonly Float32Array[],
    private readonly tensors: readonly CalibratedTensor[],
    shifts?: ChannelShifts,
  ) {
    this.shifts = shifts ?? new ChannelShifts(engine, images);
  }

  /** On some samples of the data, with the ranges of `tensors` and the weights that `variantsOf` gives layers. */
  static prepare(
    graph: Graph,
    dataset: Dataset,
    tensors: readonly CalibratedTensor[],
    variantsOf: (graph: Graph) => WeightVariants,
    options: FloatOptions = {},
  ): Comparison {
    const { graph: logits, axis } = logitsOf(graph);
    const count = Math.min(COMPARED_SAMPLES, dataset.count);
    const images = Array.from(
      { length: count },
      (_, i) => sampleAsFloat(dataset, Math.floor(i * dataset.count / count)),
    );
    return new Comparison(compileFloat(logits, variantsOf(logits), options), axis, images, tensors);
  }

  /** The same with other ranges; what has been measured of quantizers stays. */
  withTensors(tensors: readonly CalibratedTensor[]): Comparison {
    return new Comparison(this.engine, this.axis, this.images, tensors, this.shifts);
  }

  get samples(): number {
    return this.images.length;
  }

  /** The tensors that the weights of layers are multiplied with, as often as they are read, in the order of the layers. */
  get layerInputs(): string[] {
    return layersOf(this.engine.graph).map(({ input }) => input);
  }

  quantizer(tensor: string, bits: number, method: string): TensorQuantizer {
    const range = rangeOf({ tensors: [...this.tensors] }, tensor, method, bits);
    return { tensor, quantization: activationQuantization(range, bits) };
  }

  /** The mean of KL(softmax(y) || softmax(y_q)) over the samples under each setting. */
  errorsOf(settings: readonly Setting[], onRun: () => void): number[] {
    const { engine, axis, images } = this;
    const errors = settings.map(() => 0);
    for (const image of images) {
      const expected = logSoftmax(engine.run(image), axis);
      const probabilities = expected.map(Math.exp);
      settings.forEach(({ changes, rewrites }, i) => {
        const found = logSoftmax(engine.rerunAll(changes, rewrites), axis);
        errors[i] += Math.max(0, klDivergence(expected, found, axis.outer * axis.inner, probabilities)) / images.length;
        onRun();
      });
    }
    return errors;
  }
}
