import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import { bytesOf } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Backend, FUSES, scratchBytesOf } from "./backend.ts";
import { type MemoryPlan, planMemory } from "../tensor/memory_plan.ts";
import { schedule, type ScheduledStep } from "./schedule.ts";

/** What a network needs of memory beside its constants, in bytes. */
export interface NetworkMemory {
  /** Of activations: all that are stored. */
  readonly arenaBytes: number;
  /** The most bytes of activations alive at one step: no arena is smaller. */
  readonly lowerBound: number;
  /** What kernels share to work in: images with their borders. */
  readonly scratchBytes: number;
}

/** What running a network on a backend takes, without loading it. */
export function networkMemory(network: IntegerNetwork, backend: Backend): NetworkMemory {
  const scheduled = schedule(network, FUSES[backend]);
  const { arenaBytes, lowerBound } = planActivations(network, scheduled).memory;
  const problems = scheduled.flatMap(({ problem }) => problem ?? []);
  return { arenaBytes, lowerBound, scratchBytes: scratchBytesOf(problems, backend) };
}

/** A place for every activation that is stored, and the name under which it has that. */
export function planActivations(
  network: IntegerNetwork,
  scheduled: readonly ScheduledStep[],
): { readonly memory: MemoryPlan; readonly storage: (name: string) => string } {
  const storage = storageNames(network);
  return { memory: planMemory(lifetimes(network, scheduled, storage)), storage };
}

/** The tensor whose bytes hold `name`: aliases share those of their input. */
function storageNames(network: IntegerNetwork): (name: string) => string {
  const source = new Map(network.steps.flatMap(({ problem, inputs, output }) => problem ? [] : [[output, inputs[0]]]));
  return (name) => {
    let current = name;
    while (source.has(current)) current = source.get(current)!;
    return current;
  };
}

/** Every stored tensor is alive from the work that writes it to the last that reads it. */
function lifetimes(
  network: IntegerNetwork,
  scheduled: readonly ScheduledStep[],
  storage: (name: string) => string,
) {
  const spans = new Map<string, { first: number; last: number }>();
  const touch = (name: string, step: number): void => {
    const span = spans.get(storage(name));
    if (span === undefined) spans.set(storage(name), { first: step, last: step });
    else span.last = Math.max(span.last, step);
  };
  touch(network.input.tensor, 0);
  scheduled.forEach((step, i) => {
    step.inputs.forEach((name) => touch(name, i));
    touch(step.output, i);
  });
  touch(network.output.tensor, scheduled.length);
  for (const { tensor } of network.states ?? []) {
    touch(tensor, scheduled.length);
    spans.get(tensor)!.first = 0;
  }
  return Array.from(spans, ([name, span]) => ({ name, bytes: tensorBytes(network.tensors.get(name)!), ...span }));
}

function tensorBytes({ dtype, shape }: NetworkTensor): number {
  return sizeOf(shape) * bytesOf(dtype);
}
