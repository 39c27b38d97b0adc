import { createEngine } from "../../lib/runtime/engine.ts";
import { benchBackends } from "./contestants.ts";
import { integerNetwork, type PreparedNetwork } from "./networks.ts";

/** Bytes of the activations of an integer network. */
export interface MemoryUse {
  readonly work: string;
  readonly arenaBytes: number;
  /** The most that is alive at one step: no plan is smaller. */
  readonly lowerBound: number;
}

export function memoryUse(work: string, prepared: PreparedNetwork): MemoryUse {
  const { memory } = createEngine(integerNetwork(prepared), benchBackends()[0]);
  return { work, arenaBytes: memory.arenaBytes, lowerBound: memory.lowerBound };
}
