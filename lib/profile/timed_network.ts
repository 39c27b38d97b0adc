import { sha256 } from "../format/hash.ts";
import type { IntegerNetwork } from "../format/network.ts";
import type { IntegerEngine } from "../runtime/engine.ts";
import { stepKeys } from "../runtime/step_key.ts";

/** A network as the stopwatch sees it: units of work one after the other. */
export interface TimedNetwork {
  /** Of the whole; networks of the same units have the same. */
  readonly key: string;
  /** Key of each unit, in the order in which they run. */
  readonly units: readonly string[];
  /** Runs one image. `mark` is called after each unit. */
  run(mark?: () => void): void;
  /** Milliseconds of each unit of one image, where the network takes its time apart itself. */
  time?(clock: () => number): readonly number[];
}

/** A `TimedNetwork` made of an engine. */
export interface TimedEngine extends TimedNetwork {
  readonly network: IntegerNetwork;
  /** Key of each step of the network, undefined where no integer moves or an earlier step has the key: those are no units. */
  readonly steps: readonly (string | undefined)[];
}

/**
 * An engine as units: loading the input, every step that moves an integer, reading the output.
 * @param input integers in ONNX order, as `IntegerEngine.run` takes them
 */
export function timedNetwork(engine: IntegerEngine, input: ArrayLike<number>): TimedEngine {
  const { network } = engine;
  const steps = stepKeys(engine);
  const work = engine.schedule.flatMap(({ step, convolution }) => {
    const key = steps[convolution ?? step];
    return key === undefined ? [] : [{ step, key }];
  });
  const timed = new Set(work.map(({ step }) => step));
  const units = [
    `input ${tensorText(network, network.input.tensor)}`,
    ...work.map(({ key }) => key),
    `output ${tensorText(network, network.output.tensor)}`,
  ];
  const timer = engine.timer();
  return {
    key: `network of ${units.length} units ${engine.backend} #${sha256(units.join("\n")).slice(0, 12)}`,
    units,
    network,
    steps,
    run(mark) {
      if (mark === undefined) engine.run(input);
      else {
        engine.run(input, (step) => timed.has(step) && mark(), mark);
        mark();
      }
    },
    time: timer && ((clock) => {
      const { input: loading, steps: ofStep, output } = timer(input, clock);
      return [loading, ...ofStep.filter((_, i) => timed.has(engine.schedule[i].step)), output];
    }),
  };
}

function tensorText({ tensors }: IntegerNetwork, name: string): string {
  const { dtype, shape } = tensors.get(name)!;
  return `${shape.join("x")} ${dtype}`;
}
