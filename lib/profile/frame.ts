import type { LatencyFrame, LatencyParts, Machine } from "../format/latency.ts";
import { ONLINE_CODES, REQUANTIZE } from "../format/network.ts";
import { type CandidateBits, candidateName } from "../format/plan.ts";
import type { TimedEngine } from "./timed_network.ts";

/** A network whose layers all have the same bits. */
export interface UniformNetwork {
  readonly bits: CandidateBits;
  readonly timed: TimedEngine;
}

/** A network whose time is compared with what the table says of its layers, whose bits are in the order of the layers. */
export interface ComparedNetwork {
  readonly name: string;
  readonly bits: readonly CandidateBits[];
  readonly timed: TimedEngine;
}

export interface FrameOptions {
  readonly machine: Machine;
  /** Names of the layers, in the order of the model. */
  readonly layers: readonly string[];
  /** One network for each candidate. */
  readonly uniform: readonly UniformNetwork[];
  /** Further networks. */
  readonly compared: readonly ComparedNetwork[];
}

/** What there is to measure, and what the times of layers, of the rest and of whole networks are made of. */
export function latencyFrame({ machine, layers, uniform, compared }: FrameOptions): LatencyFrame {
  const candidates = uniform.map(({ bits, timed }) => ({ bits, parts: attribute(timed, layers) }));
  const networks = [
    ...uniform.map(({ bits, timed }) => ({ name: candidateName(bits), bits: candidateName(bits), key: timed.key })),
    ...compared.map(({ name, bits, timed }) => ({ name, bits: bits.map(candidateName), key: timed.key })),
  ];
  return {
    machine,
    keys: [...new Set([...uniform.flatMap(({ timed }) => timed.units), ...networks.map(({ key }) => key)])],
    layers: layers.map((name) => ({
      name,
      candidates: candidates.map(({ bits, parts }) => ({ ...bits, parts: parts.layers.get(name)! })),
    })),
    overhead: candidates.map(({ bits, parts }) => ({ ...bits, parts: parts.outside })),
    networks,
  };
}

interface Attribution {
  readonly layers: ReadonlyMap<string, LatencyParts>;
  readonly outside: LatencyParts;
}

/**
 * Whose time each unit of a network is: a step with weights is its layer's; a step that requantizes a value, or
 * makes codes of it, is shared by those that read it so; everything else is nobody's.
 */
function attribute({ network, steps, units }: TimedEngine, layers: readonly string[]): Attribution {
  const shares = new Map(layers.map((name) => [name, new Map<string, number>()]));
  const outside = new Map([[units[0], 1]]);
  const give = (layer: string | undefined, key: string, share: number): void => {
    const target = shares.get(layer ?? "") ?? outside; // layers that quantize adds are not the model's
    target.set(key, (target.get(key) ?? 0) + share);
  };
  network.steps.forEach(({ operator, layer, output }, i) => {
    const key = steps[i];
    if (key === undefined) return;
    const isShared = operator === REQUANTIZE || operator === ONLINE_CODES;
    const readers = isShared ? network.steps.filter(({ inputs }) => inputs.includes(output)) : [];
    if (readers.length === 0) give(layer, key, 1);
    else for (const reader of readers) give(reader.layer, key, 1 / readers.length);
  });
  give(undefined, units.at(-1)!, 1);
  return {
    layers: new Map(Array.from(shares, ([name, parts]) => [name, Object.fromEntries(parts)])),
    outside: Object.fromEntries(outside),
  };
}
