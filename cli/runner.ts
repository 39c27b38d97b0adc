import { dequantize } from "../lib/arith/quantization.ts";
import { type Dataset, sampleAsFloat } from "../lib/format/dataset.ts";
import { inputError } from "../lib/format/error.ts";
import type { Preprocess } from "../lib/format/preprocess.ts";
import { compileFloat } from "../lib/float/engine.ts";
import { valueOf } from "../lib/ir/graph.ts";
import { type Backend, createEngine } from "../lib/runtime/engine.ts";
import type { Shape } from "../lib/tensor/shape.ts";
import { checkNetworkInput, networkInput } from "../lib/runtime/network_input.ts";
import { readNetwork } from "./artefacts.ts";
import { readBytes } from "./files.ts";
import type { ModelFlags } from "./flags.ts";
import { readModel, sampleShapeOf } from "./model.ts";

/** A network of either kind, ready to run on samples of a dataset. */
export interface Runner {
  readonly name: string;
  readonly kind: "integer" | "float";
  /** What follows N in the input. */
  readonly sampleShape: Shape;
  /** What follows N in the output. */
  readonly outputShape: Shape;
  /** How pixels become the input, where the network knows it. */
  readonly preprocess: Preprocess | undefined;
  /** @throws DyadError (input) for data that the network cannot take. */
  check(dataset: Dataset): void;
  /** What goes into the network for one sample, apart from `run` so that the two can be timed apart. */
  prepare(dataset: Dataset, index: number): ArrayLike<number>;
  /** The output in ONNX order: int32 of an integer network, float32 of a float one. */
  run(input: ArrayLike<number>): Int32Array | Float32Array;
  /** The real values of an output. */
  dequantize(output: Int32Array | Float32Array): Float32Array;
}

export interface RunnerOptions extends Partial<ModelFlags> {
  /** Where the network's constants are, if not beside it. */
  readonly tensors?: string;
  readonly backend: Backend;
}

/**
 * Opens an integer network or an ONNX model, told apart by content.
 * @throws DyadError (input) naming the file.
 */
export function openRunner(path: string, options: RunnerOptions): Runner {
  const bytes = readBytes(path);
  return isJson(bytes) ? integerRunner(path, bytes, options) : floatRunner(path, bytes, options);
}

const OPENING_BRACE = 0x7b;

/** An ONNX file begins with the tag of its first field, never with a brace. */
function isJson(bytes: Uint8Array): boolean {
  return bytes.find((byte) => byte > 0x20) === OPENING_BRACE;
}

function integerRunner(path: string, bytes: Uint8Array, { tensors, backend }: RunnerOptions): Runner {
  const { network, name } = readNetwork(path, bytes, tensors);
  const engine = createEngine(network, backend, name);
  const output = network.tensors.get(network.output.tensor)!;
  return {
    name,
    kind: "integer",
    sampleShape: network.input.shape.slice(1),
    outputShape: network.output.shape.slice(1),
    preprocess: network.input.preprocess,
    check: (dataset) => checkNetworkInput(network, dataset),
    prepare: (dataset, index) => networkInput(network, dataset, index),
    run: (input) => Int32Array.from(engine.run(input)),
    dequantize: (integers) => Float32Array.from(integers, (q) => dequantize(q, output)),
  };
}

function floatRunner(path: string, bytes: Uint8Array, options: RunnerOptions): Runner {
  const { graph, name } = readModel(path, bytes, options);
  const engine = compileFloat(graph);
  return {
    name,
    kind: "float",
    sampleShape: sampleShapeOf(graph),
    outputShape: valueOf(graph, graph.outputs[0]).shape.slice(1),
    preprocess: undefined,
    check() {},
    prepare: (dataset, index) => sampleAsFloat(dataset, index),
    run(input) {
      const output = engine.run(input instanceof Float32Array ? input : Float32Array.from(input));
      const index = output.findIndex((value) => !Number.isFinite(value));
      if (index < 0) return output;
      throw inputError(
        `${name}: found ${
          output[index]
        } at element ${index} of an output, expected finite numbers; check the model and ` +
          `the preprocessing of the data`,
      );
    },
    dequantize: (values) => Float32Array.from(values),
  };
}
