import type { CodingOptions } from "../lib/arith/integer_weights.ts";
import type { Calibration } from "../lib/format/calibration.ts";
import { inputError, within } from "../lib/format/error.ts";
import type { LatencyFrame, Machine } from "../lib/format/latency.ts";
import { type CandidateBits, candidateBitsOf, candidateName, type Plan } from "../lib/format/plan.ts";
import { layersOf } from "../lib/ops/layers.ts";
import { latencyFrame } from "../lib/profile/frame.ts";
import { drawMixture } from "../lib/profile/mixture.ts";
import { syntheticCalibration } from "../lib/profile/synthetic_calibration.ts";
import { type TimedEngine, type TimedNetwork, timedNetwork } from "../lib/profile/timed_network.ts";
import type { MadeWeights } from "../lib/quantize/layer_constants.ts";
import { quantizeGraph } from "../lib/quantize/quantize.ts";
import { type Backend, createEngine } from "../lib/runtime/engine.ts";
import { seededRandom } from "../lib/tensor/random.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import type { Loaded } from "./artefacts.ts";
import type { LoadedModel } from "./model.ts";
import type { OnProgress } from "./progress.ts";

export interface ProfiledNetworksOptions {
  readonly model: LoadedModel;
  /** Ranges of random inputs where there is none. */
  readonly calibration?: Loaded<Calibration>;
  /** A network of each, all of whose layers have these bits. */
  readonly candidates: readonly CandidateBits[];
  /** How many networks whose layers draw theirs. */
  readonly mixtures: number;
  readonly plans: readonly Loaded<Plan>[];
  readonly seed: number;
  readonly residualBits: number;
  /** How weights get codes where candidates have some. */
  readonly coding?: CodingOptions;
  /** Take raw pixels where the ranges say how they become the input. */
  readonly pixels: boolean;
  readonly backend: Backend;
  readonly machine: Machine;
}

export interface ProfiledNetworks {
  readonly frame: LatencyFrame;
  readonly networks: readonly TimedNetwork[];
}

/**
 * The networks of all candidates, mixtures and plans, ready to run, and what their times will be made into.
 * @throws DyadError (input) for a model without layers, a plan of other layers or of bits that are no candidate, and as
 * `quantizeGraph`.
 */
export function buildNetworks(options: ProfiledNetworksOptions, onProgress: OnProgress): ProfiledNetworks {
  const { model, calibration, candidates, plans, seed, machine } = options;
  const layers = layersOf(model.graph).map(({ name }) => name);
  if (layers.length === 0) {
    throw inputError(`${model.name}: has no layers with weights, so there is nothing to profile`);
  }
  const random = seededRandom(seed);
  const ranges = calibration?.content ?? syntheticCalibration(model.graph, seed);
  const mixtures = Array.from({ length: options.mixtures }, (_, i) => ({
    name: `mixture ${i + 1}`,
    bits: drawMixture(layers.length, candidates, random),
  }));
  const planned = plans.map((plan) => ({ name: plan.name, bits: plannedBits(plan, layers, candidates, model.name) }));
  const total = candidates.length + mixtures.length + planned.length;
  let built = 0;
  const madeWeights: MadeWeights = new Map();
  const build = (name: string, bits: readonly CandidateBits[]): TimedEngine => {
    onProgress(built++, total);
    return within(`${model.name} at ${name}`, () => {
      const network = quantizeGraph(model.graph, ranges, {
        layers: new Map(layers.map((layer, i) => [layer, bits[i]])),
        residualBits: options.residualBits,
        pixels: options.pixels,
        coding: options.coding,
        madeWeights,
      });
      const { low, high, shape } = network.tensors.get(network.input.tensor)!;
      const input = Int32Array.from({ length: sizeOf(shape) }, () => random.integer(low, high));
      return timedNetwork(createEngine(network, options.backend), input);
    });
  };
  const uniform = candidates.map((bits) => ({ bits, timed: build(candidateName(bits), layers.map(() => bits)) }));
  const compared = [...mixtures, ...planned].map((each) => ({ ...each, timed: build(each.name, each.bits) }));
  return {
    frame: latencyFrame({ machine, layers, uniform, compared }),
    networks: [...uniform, ...compared].map(({ timed }) => timed),
  };
}

/** The bits of every layer of a plan. @throws DyadError (input) for other layers, and for bits that are no candidate. */
function plannedBits(
  { name, content }: Loaded<Plan>,
  layers: readonly string[],
  candidates: readonly CandidateBits[],
  model: string,
): CandidateBits[] {
  const known = candidates.map(candidateName);
  const strange = content.layers.find((layer) => !layers.includes(layer.name));
  if (strange !== undefined) throw inputError(`${name}: the layer "${strange.name}" is not one of ${model}`);
  return layers.map((layer) => {
    const bits = content.layers.find((each) => each.name === layer);
    if (bits === undefined) throw inputError(`${name}: gives no bits to the layer "${layer}" of ${model}`);
    if (!known.includes(candidateName(bits))) {
      throw inputError(
        `${name}: gives the layer "${layer}" ${candidateName(bits)}, which is not measured; add it, as in ` +
          `--candidates ${[...known, candidateName(bits)].join(",")}`,
      );
    }
    return candidateBitsOf(bits);
  });
}
