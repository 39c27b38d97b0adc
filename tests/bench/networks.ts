import { quantize } from "../../lib/arith/quantization.ts";
import type { Calibration } from "../../lib/format/calibration.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { type Graph, valueOf } from "../../lib/ir/graph.ts";
import { importModel } from "../../lib/onnx/import.ts";
import { layersOf } from "../../lib/ops/layers.ts";
import { canonicalize } from "../../lib/passes/mod.ts";
import { syntheticCalibration } from "../../lib/profile/synthetic_calibration.ts";
import { quantizeGraph } from "../../lib/quantize/quantize.ts";
import { sizeOf } from "../../lib/tensor/shape.ts";
import { mobilenetV2, resnet18, resnet50 } from "./models/imagenet_networks.ts";
import { qoperatorModel } from "./models/qoperator.ts";
import { benchFloats, benchPixels } from "./onnxruntime/bench_input.ts";

const SEED = 1;
const TRAINED = new URL("../../testdata/models/", import.meta.url);

function trained(name: string): BenchNetwork {
  return { name, batches: [1, 64], model: () => Deno.readFileSync(new URL(`${name}.onnx`, TRAINED)) };
}

function random(name: string, make: (seed: number) => Uint8Array): BenchNetwork {
  return { name, batches: [1], model: () => make(SEED) };
}

export interface BenchNetwork {
  readonly name: string;
  readonly batches: readonly number[];
  /** The float ONNX file. */
  model(): Uint8Array;
}

/** The trained networks of testdata, and well-known ones with random weights, whose speed is that of trained ones. */
export const BENCH_NETWORKS: readonly BenchNetwork[] = [
  ...["resnet20", "mobile", "inception"].map(trained),
  random("resnet18", resnet18),
  random("resnet50", resnet50),
  random("mobilenet_v2", mobilenetV2),
];

/** A model in all forms that the bench runs. Ranges are those of random images: no speed depends on them. */
export interface PreparedNetwork {
  readonly graph: Graph;
  readonly calibration: Calibration;
  readonly floatModel: Uint8Array;
  /** What ONNX Runtime runs at 8 bits. */
  readonly integerModel: Uint8Array;
  /** Extents of one image, N first. */
  readonly inputShape: readonly number[];
  /** Multiply-accumulate operations of an image. */
  readonly macs: number;
}

export function prepareModel(floatModel: Uint8Array): PreparedNetwork {
  const graph = canonicalize(importModel(floatModel, { where: "bench" }).graph);
  const calibration = syntheticCalibration(graph, SEED);
  return {
    graph,
    calibration,
    floatModel,
    integerModel: qoperatorModel(graph, calibration),
    inputShape: valueOf(graph, graph.inputs[0]).shape,
    macs: layersOf(graph).reduce((sum, { macs }) => sum + macs, 0),
  };
}

/** The integer network with these bits in all layers; `ends` of the first and the last. */
export function integerNetwork(
  { graph, calibration }: Pick<PreparedNetwork, "graph" | "calibration">,
  weightBits = 8,
  activationBits = 8,
): IntegerNetwork {
  const layers = layersOf(graph);
  const isEnd = (i: number): boolean => layers.length > 1 && (i === 0 || i === layers.length - 1);
  const bits = layers.map(({ name }, i) =>
    [name, isEnd(i) ? { weightBits: 8, activationBits: 8 } : { weightBits, activationBits }] as const
  );
  return quantizeGraph(graph, calibration, { layers: new Map(bits) });
}

/** What `benchFloats` are to an integer network. */
export function integerInput({ input, tensors }: IntegerNetwork): ArrayLike<number> {
  const size = sizeOf(input.shape);
  if (input.kind === "pixels") return benchPixels(size);
  const quantization = tensors.get(input.tensor)!;
  return Int32Array.from(benchFloats(size), (value) => quantize(value, quantization));
}
