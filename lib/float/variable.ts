import type { Value } from "../ir/graph.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Arena, Region } from "./arena.ts";

/** A derivative of one value, in memory order. Where it is not present it is 0, and nothing is computed with it. */
export class Signal {
  #isPresent = false;

  constructor(readonly region: Region) {}

  get isPresent(): boolean {
    return this.#isPresent;
  }

  get data(): Float32Array {
    return this.region.data;
  }

  /** The elements, written out as zeros where the signal is not present. */
  get elements(): Float32Array {
    return this.#isPresent ? this.data : this.data.fill(0);
  }

  clear(): void {
    this.#isPresent = false;
  }

  /**
   * Adds a term; terms are added one after the other, in the order of the calls. The first may stand in the signal's
   * region already.
   */
  add(term: Float32Array): void {
    const { data } = this;
    if (this.#isPresent) addTo(data, term);
    else if (data !== term) data.set(term);
    this.#isPresent = true;
  }
}

/** target += term, element by element. */
export function addTo(target: Float32Array, term: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += term[i];
}

/** A computed value of the network with its derivatives. */
export interface Variable {
  readonly value: Value;
  readonly region: Region;
  /** Along the direction. */
  readonly tangent: Signal;
  /** Of the weighted output. */
  readonly gradient: Signal;
  /** Of `gradient` along the direction. */
  readonly gradientTangent: Signal;
  /** Whether a layer's weights or input have a part in it, so that gradients go on to what it is made from. */
  readonly isPerturbed: boolean;
}

export function reserveVariable(arena: Arena, value: Value, isPerturbed: boolean): Variable {
  const size = sizeOf(value.shape);
  const signal = (): Signal => new Signal(arena.reserve(size));
  return {
    value,
    region: arena.reserve(size),
    tangent: signal(),
    gradient: signal(),
    gradientTangent: signal(),
    isPerturbed,
  };
}
