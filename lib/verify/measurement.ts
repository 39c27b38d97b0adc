import type { Dataset } from "../format/dataset.ts";
import { sampleAsFloat } from "../format/dataset.ts";
import type { Graph } from "../ir/graph.ts";
import { valueOf } from "../ir/graph.ts";
import { compileFloat } from "../float/engine.ts";
import type { IntegerEngine } from "../runtime/engine.ts";
import { formatShape, sizeOf } from "../tensor/shape.ts";
import type { Refusal } from "./claim.ts";
import { type Exactness, ExactnessMeter } from "./exactness.ts";
import { NoiseMeter, type StepNoise } from "./layer_noise.ts";
import { networkInput } from "../runtime/network_input.ts";

/** The tier under test and the reference that defines its bits. */
export interface Engines {
  readonly tested: IntegerEngine;
  readonly reference: IntegerEngine;
}

/** The choices of both networks, compared with each other and with the labels. */
export interface Choices {
  readonly images: number;
  /** Images for which both networks choose the same class. */
  readonly agreeing: number;
  /** Correct choices; undefined without labels. */
  readonly correct?: { readonly float: number; readonly integer: number };
}

export interface Measurement {
  readonly exactness: Exactness;
  readonly accuracy: { readonly choices: Choices; readonly noise: readonly (StepNoise | string)[] } | Refusal;
}

export interface MeasurementOptions {
  /** Images to run. */
  readonly images: number;
  /** How many of them, the first, the reference runs as well. */
  readonly referenceImages: number;
  onProgress?(done: number, total: number): void;
}

/** Runs every image once through each network, and takes from that whatever the claims need. */
export function measure(
  { tested, reference }: Engines,
  graph: Graph,
  dataset: Dataset,
  { images, referenceImages, onProgress }: MeasurementOptions,
): Measurement {
  const { network } = tested;
  const exactness = new ExactnessMeter(network);
  const misfit = compareInterfaces(graph, tested);
  const float = misfit ? undefined : { engine: compileFloat(graph), noise: new NoiseMeter(network, graph) };
  let agreeing = 0;
  const correct = { float: 0, integer: 0 };

  for (let image = 0; image < images; image++) {
    const input = networkInput(network, dataset, image);
    const compared = image < referenceImages;
    const floats = new Map<string, Float32Array>();
    const floatOutput = float?.engine.run(sampleAsFloat(dataset, image), (value, data) => floats.set(value, data));
    if (compared) exactness.begin(input);
    const output = tested.run(input, (step, integers) => {
      if (compared) exactness.record(step, integers);
      float?.noise.add(step, integers, floats);
    });
    if (compared) reference.run(input, (step, integers) => exactness.compare(step, integers));
    if (floatOutput !== undefined) {
      const [chosen, expected] = [argmax(output), argmax(floatOutput)];
      if (chosen === expected) agreeing++;
      const label = dataset.labels?.[image];
      if (chosen === label) correct.integer++;
      if (expected === label) correct.float++;
    }
    onProgress?.(image + 1, images);
  }
  return {
    exactness: exactness.result(),
    accuracy: misfit ?? {
      choices: { images, agreeing, ...(dataset.labels && { correct }) },
      noise: float!.noise.result(),
    },
  };
}

/** Why the float model cannot stand beside the network, if it cannot. */
function compareInterfaces(graph: Graph, { network }: IntegerEngine): Refusal | undefined {
  const sides = [
    { role: "input", names: graph.inputs, shape: network.input.shape },
    { role: "output", names: graph.outputs, shape: network.output.shape },
  ];
  for (const { role, names, shape } of sides) {
    const found = names.length === 1 ? valueOf(graph, names[0]).shape : undefined;
    if (found !== undefined && sizeOf(found) === sizeOf(shape)) continue;
    const what = found ? `${role} has shape ${formatShape(found)}` : `has ${names.length} ${role}s`;
    return { refused: `the float model's ${what}, the network's ${role} ${formatShape(shape)}: it is another model` };
  }
  return undefined;
}

/** Index of the largest element, the first of several. */
function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
