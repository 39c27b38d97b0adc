import type { Dataset, SampleSource } from "../lib/format/dataset.ts";
import { sizeOf } from "../lib/tensor/shape.ts";
import type { Runner, RunnerOutput } from "./runner.ts";

/**
 * Samples on their way through several threads: a ring of slots in shared memory. One thread fills slots and collects
 * their outputs in the order of the samples, all claim slots and compute them. Plain data, to be sent to Workers.
 * Samples are counted modulo 2^32, so that a queue never has to be started anew.
 */
export interface SampleQueue {
  readonly kind: Dataset["kind"];
  /** Of the data, as errors name them. */
  readonly name: string;
  readonly preprocess: Dataset["preprocess"];
  /** A power of two. */
  readonly slots: number;
  /** How far the queue is, by the places below. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  /** Of each slot, a `SlotState`. */
  readonly states: Int32Array<SharedArrayBuffer>;
  /** Of each slot. */
  readonly samples: readonly (Uint8Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer>)[];
  /** Of each slot. */
  readonly outputs: readonly (Int32Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer>)[];
}

/** Samples that have been put into slots. */
const FILLED = 0;
/** Samples that a thread computes, or has computed. */
const CLAIMED = 1;
/** 1 once no samples follow. */
const CLOSED = 2;
/** Counts what threads without work wait for: samples, or the end. */
const EVENTS = 3;
const COUNTERS = 4;

/** What has become of the sample in a slot. A refused one has to be computed again to learn why. */
export type SlotState = "open" | "done" | "refused";
const STATES: readonly SlotState[] = ["open", "done", "refused"];

/** How often a thread without work looks for some before it sleeps: as long as waking it would take. */
const LOOKS = 2000;

/** Slots take some megabytes at most, and suffice to keep all threads busy while one of them fills and collects. */
const QUEUE_BYTES = 2 ** 24;
const SLOTS_MAX = 512;
const SLOTS_PER_THREAD = 4;

/** A queue for samples of this dataset and outputs of this network, for so many threads. */
export function createSampleQueue(
  { kind: network, outputShape }: Pick<Runner, "kind" | "outputShape">,
  { kind, name, preprocess, sampleShape }: Dataset,
  threads: number,
): SampleQueue {
  const sampleBytes = sizeOf(sampleShape) * (kind === "pixels" ? 1 : 4);
  const outputBytes = sizeOf(outputShape) * 4;
  const fitting = Math.min(SLOTS_MAX, QUEUE_BYTES / (sampleBytes + outputBytes));
  const slots = 2 ** Math.ceil(Math.log2(Math.max(SLOTS_PER_THREAD * threads, fitting / 2)));
  const each = <T>(bytes: number, view: (buffer: SharedArrayBuffer, offset: number) => T): T[] => {
    const stride = Math.ceil(bytes / 64) * 64; // no two on one cache line
    const buffer = new SharedArrayBuffer(slots * stride);
    return Array.from({ length: slots }, (_, slot) => view(buffer, slot * stride));
  };
  const [sampleSize, outputSize] = [sizeOf(sampleShape), sizeOf(outputShape)];
  return {
    kind,
    name,
    preprocess,
    slots,
    counters: new Int32Array(new SharedArrayBuffer(4 * COUNTERS)),
    states: new Int32Array(new SharedArrayBuffer(4 * slots)),
    samples: each(
      sampleBytes,
      (buffer, offset) =>
        kind === "pixels" ? new Uint8Array(buffer, offset, sampleSize) : new Float32Array(buffer, offset, sampleSize),
    ),
    outputs: each(
      outputBytes,
      (buffer, offset) =>
        network === "integer"
          ? new Int32Array(buffer, offset, outputSize)
          : new Float32Array(buffer, offset, outputSize),
    ),
  };
}

/** How many samples have been put into the queue so far. */
export function filledCount({ counters }: SampleQueue): number {
  return Atomics.load(counters, FILLED);
}

export function slotOf({ slots }: SampleQueue, sample: number): number {
  return sample & (slots - 1);
}

/** Puts the next sample into its slot, which must have been collected, and wakes threads that have no work. */
export function putSample(queue: SampleQueue, sample: ArrayLike<number>): void {
  const { counters, states, samples } = queue;
  const filled = Atomics.load(counters, FILLED);
  const slot = slotOf(queue, filled);
  samples[slot].set(sample);
  states[slot] = STATES.indexOf("open");
  Atomics.store(counters, FILLED, filled + 1 | 0);
  Atomics.add(counters, EVENTS, 1);
  Atomics.notify(counters, EVENTS);
}

/** Takes a sample to compute; its number, or undefined where none waits. */
export function claimSample({ counters }: SampleQueue): number | undefined {
  for (;;) {
    const claimed = Atomics.load(counters, CLAIMED);
    if (claimed === Atomics.load(counters, FILLED)) return undefined;
    if (Atomics.compareExchange(counters, CLAIMED, claimed, claimed + 1 | 0) === claimed) return claimed;
  }
}

/** The same, but waits for a sample; undefined once the queue is closed. */
export function awaitSample(queue: SampleQueue): number | undefined {
  const { counters } = queue;
  for (let look = 0;; look++) {
    const events = Atomics.load(counters, EVENTS);
    if (Atomics.load(counters, CLOSED) === 1) return undefined;
    const sample = claimSample(queue);
    if (sample !== undefined) return sample;
    if (look >= LOOKS) Atomics.wait(counters, EVENTS, events);
  }
}

/** The samples of the queue, under their numbers in it. */
export function queuedSamples({ kind, name, preprocess, samples, slots }: SampleQueue): SampleSource {
  const at = (sample: number): unknown => samples[sample & (slots - 1)];
  return kind === "pixels"
    ? { kind, name, preprocess, sample: (index) => at(index) as Uint8Array } // made so above
    : { kind, name, preprocess, sample: (index) => at(index) as Float32Array }; // made so above
}

/** Gives the output of a claimed sample; without one it was refused. */
export function giveOutput(queue: SampleQueue, sample: number, output: RunnerOutput | undefined): void {
  const { outputs, states } = queue;
  const slot = slotOf(queue, sample);
  if (output !== undefined) outputs[slot].set(output);
  Atomics.store(states, slot, STATES.indexOf(output === undefined ? "refused" : "done"));
  Atomics.notify(states, slot);
}

/** Waits for a claimed sample for so long. */
export function awaitOutput(queue: SampleQueue, sample: number, milliseconds: number): SlotState {
  const { states } = queue;
  const slot = slotOf(queue, sample);
  const open = STATES.indexOf("open");
  for (let look = 0; look < LOOKS && Atomics.load(states, slot) === open; look++);
  Atomics.wait(states, slot, open, milliseconds);
  return stateOf(queue, sample);
}

export function stateOf(queue: SampleQueue, sample: number): SlotState {
  return STATES[Atomics.load(queue.states, slotOf(queue, sample))];
}

/** A copy of an output that is done. */
export function takeOutput(queue: SampleQueue, sample: number): RunnerOutput {
  const output = queue.outputs[slotOf(queue, sample)];
  return output instanceof Int32Array ? new Int32Array(output) : new Float32Array(output);
}

/** Lets all threads go that wait for samples, and those that compute one when they are done. */
export function closeQueue({ counters }: SampleQueue): void {
  Atomics.store(counters, CLOSED, 1);
  Atomics.add(counters, EVENTS, 1);
  Atomics.notify(counters, EVENTS);
}
