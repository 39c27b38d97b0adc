import { klDivergence, logSoftmax } from "../../lib/arith/log_softmax.ts";
import { dequantize } from "../../lib/arith/quantization.ts";
import type { Calibration } from "../../lib/format/calibration.ts";
import { type Dataset, type FloatDataset, type PixelDataset, sampleAsFloat } from "../../lib/format/dataset.ts";
import { within } from "../../lib/format/error.ts";
import type { LossName, MeasuredLoss } from "../../lib/format/measured_loss.ts";
import { type CandidateBits, candidateBitsOf } from "../../lib/format/plan.ts";
import type { Graph } from "../../lib/ir/graph.ts";
import { logitsOf } from "../../lib/ops/logits.ts";
import type { MadeWeights } from "../../lib/quantize/layer_constants.ts";
import { quantizeGraph, type QuantizeOptions } from "../../lib/quantize/quantize.ts";
import { type Backend, createEngine } from "../../lib/runtime/engine.ts";
import { checkNetworkInput, networkInput, networkStates } from "../../lib/runtime/network_input.ts";
import { argmax } from "../../lib/tensor/argmax.ts";
import type { Job } from "./job.ts";

/** Samples as data alone, to be sent to other threads. */
export type SampleList =
  | SampleListOf<PixelDataset>
  | SampleListOf<FloatDataset>;

type SampleListOf<D extends Dataset> = Pick<D, "kind" | "name" | "sampleShape" | "preprocess" | "labels"> & {
  readonly samples: readonly ReturnType<D["sample"]>[];
};

/** What every plan is measured with. */
export interface EvaluateSetup {
  /** Canonical. */
  readonly graph: Graph;
  readonly calibration: Calibration;
  readonly options: Omit<QuantizeOptions, "layers" | "madeWeights">;
  /** What errors call the files that plans are quantized from. */
  readonly where: string;
  readonly data: SampleList;
  /** The float network's logits for every sample. */
  readonly floatLogits: readonly Float32Array[];
  /** What runs the integer networks. */
  readonly backend: Backend;
}

export interface EvaluateTask {
  /** Bits of every layer. */
  readonly layers: readonly (CandidateBits & { readonly name: string })[];
}

/** What a plan loses, and on which samples. */
export interface Evaluation {
  readonly measured: MeasuredLoss;
  /** Of every sample, by the measured loss that they are the terms of. */
  readonly terms: Readonly<Partial<Record<LossName, Float64Array>>>;
}

/** The true loss of plans: each is quantized and its integer network run on the samples. */
export const evaluateJob: Job<EvaluateSetup, EvaluateTask, Evaluation> = {
  name: "evaluate",
  /**
   * @throws DyadError (input), then or when it computes, for a plan that does not fit the graph, and data that its
   * network cannot take.
   */
  open({ graph, calibration, options, where, data, floatLogits, backend }) {
    const dataset = datasetOf(data);
    const { labels } = data;
    const { axis } = logitsOf(graph);
    const distributions = axis.outer * axis.inner;
    const floats = floatLogits.map((logits) => logSoftmax(logits, axis));
    const samples = floats.length;
    const madeWeights: MadeWeights = new Map();
    return function* ({ layers }) {
      const bits = new Map(layers.map((layer) => [layer.name, candidateBitsOf(layer)]));
      const network = within(where, () => quantizeGraph(graph, calibration, { ...options, layers: bits, madeWeights }));
      checkNetworkInput(network, dataset);
      const engine = createEngine(network, backend, where);
      const output = network.tensors.get(network.output.tensor)!;
      const divergences = new Float64Array(samples);
      const entropies = labels && new Float64Array(samples);
      let correct = 0;
      for (const [i, float] of floats.entries()) {
        if (network.states) engine.setStates(networkStates(network, sampleAsFloat(dataset, i)));
        const integers = engine.run(networkInput(network, dataset, i));
        const integer = logSoftmax(Float32Array.from(integers, (q) => dequantize(q, output)), axis);
        divergences[i] = klDivergence(float, integer, distributions);
        if (labels !== undefined) {
          entropies![i] = -integer[labels[i]];
          if (argmax(integers) === labels[i]) correct++;
        }
        yield (i + 1) / samples;
      }
      return {
        measured: {
          samples,
          kl: mean(divergences),
          ...(entropies && { crossEntropy: mean(entropies), accuracy: correct / samples }),
        },
        terms: { kl: divergences, ...(entropies && { "cross-entropy": entropies }) },
      };
    };
  },
};

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function datasetOf({ samples, ...data }: SampleList): Dataset {
  const common = { count: samples.length, sha256: "", notes: [] };
  return data.kind === "pixels"
    ? { ...data, ...common, sample: (i) => samples[i] as Uint8Array } // the kind says which
    : { ...data, ...common, sample: (i) => samples[i] as Float32Array }; // the kind says which
}
