import { dequantize } from "../lib/arith/quantization.ts";
import { type Dataset, sampleAsFloat, type SampleSource } from "../lib/format/dataset.ts";
import { inputError } from "../lib/format/error.ts";
import type { IntegerNetwork } from "../lib/format/network.ts";
import type { Preprocess } from "../lib/format/preprocess.ts";
import { compileFloat } from "../lib/float/engine.ts";
import { type Graph, valueOf } from "../lib/ir/graph.ts";
import { type Backend, createEngine } from "../lib/runtime/engine.ts";
import { type NetworkMemory, networkMemory } from "../lib/runtime/network_memory.ts";
import { type Shape, sizeOf } from "../lib/tensor/shape.ts";
import { checkNetworkInput, networkInput } from "../lib/runtime/network_input.ts";
import type { SplitRun } from "../lib/runtime/split_run.ts";
import { readNetwork } from "./artefacts.ts";
import { readBytes } from "./files.ts";
import type { ModelFlags } from "./flags.ts";
import type { StreamInput } from "./data.ts";
import { dataRequestOf, readModel } from "./model.ts";

/** A network of either kind as data alone, to be sent to other threads. */
export type RunnerSource = IntegerSource | FloatSource;

interface IntegerSource {
  readonly kind: "integer";
  /** The file, as errors name it. */
  readonly name: string;
  readonly network: IntegerNetwork;
  readonly backend: Backend;
}

interface FloatSource {
  readonly kind: "float";
  readonly name: string;
  /** Canonical. */
  readonly graph: Graph;
}

/** One output in ONNX order: int32 of an integer network, float32 of a float one. */
export type RunnerOutput = Int32Array | Float32Array;

/** A network of either kind, and how it is run on samples of a dataset. */
export interface Runner {
  readonly name: string;
  readonly kind: RunnerSource["kind"];
  readonly source: RunnerSource;
  /** What follows N in the input. */
  readonly sampleShape: Shape;
  /** What follows N in the output. */
  readonly outputShape: Shape;
  /** Of a network of token streams: how they become its samples. */
  readonly stream?: StreamInput;
  /** Whether what a sample gives depends on those before it: they are run in order, on one thread. */
  readonly carriesStates: boolean;
  /** How pixels become the input, where the network knows it. */
  readonly preprocess: Preprocess | undefined;
  /** What the network takes of memory; not known of a float one. */
  memory(): NetworkMemory | undefined;
  /** @throws DyadError (input) for data that the network cannot take. */
  check(dataset: Dataset): void;
  /** The real values of an output. */
  dequantize(output: RunnerOutput): Float32Array;
  /**
   * Makes the network ready to run, with parts for so many threads where that is worth it. Default 1.
   * @throws DyadError (input) naming the file, for one that is refused.
   */
  compile(threads?: number): CompiledRunner;
}

export interface CompiledRunner {
  /** What goes into the network for one sample, apart from `run` so that the two can be timed apart. */
  prepare(samples: SampleSource, index: number): ArrayLike<number>;
  /** @throws DyadError (input) for an output that is no number. */
  run(input: ArrayLike<number>): RunnerOutput;
  /** As before the first sample. */
  reset(): void;
  /** How several threads compute one sample; undefined for one thread, and where it is not worth it. */
  readonly split?: SplitRun;
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
export function openRunner(path: string, { tensors, backend, ...modelFlags }: RunnerOptions): Runner {
  const bytes = readBytes(path);
  if (!isJson(bytes)) {
    const { name, graph } = readModel(path, bytes, modelFlags);
    return createRunner({ kind: "float", name, graph });
  }
  const { network, name } = readNetwork(path, bytes, tensors);
  return createRunner({ kind: "integer", name, network, backend });
}

const OPENING_BRACE = 0x7b;

/** An ONNX file begins with the tag of its first field, never with a brace. */
function isJson(bytes: Uint8Array): boolean {
  return bytes.find((byte) => byte > 0x20) === OPENING_BRACE;
}

export function createRunner(source: RunnerSource): Runner {
  return source.kind === "integer" ? integerRunner(source) : floatRunner(source);
}

function integerRunner(source: IntegerSource): Runner {
  const { name, network, backend } = source;
  const [input, output] = [network.input, network.output].map(({ tensor }) => network.tensors.get(tensor)!);
  const isStream = network.input.kind === "indices";
  return {
    name,
    kind: source.kind,
    source,
    sampleShape: network.input.shape.slice(1),
    outputShape: isStream ? network.output.shape : network.output.shape.slice(1),
    ...(isStream && {
      stream: { steps: sizeOf(network.input.shape), words: input.high + 1, outputShape: network.output.shape },
    }),
    carriesStates: network.states !== undefined,
    preprocess: network.input.preprocess,
    memory: () => networkMemory(network, backend),
    check: (dataset) => checkNetworkInput(network, dataset),
    dequantize: (integers) => Float32Array.from(integers, (q) => dequantize(q, output)),
    compile(threads) {
      const engine = createEngine(network, backend, name, { threads });
      return {
        prepare: (samples, index) => networkInput(network, samples, index),
        run: (input) => Int32Array.from(engine.run(input)),
        reset: () => engine.reset(),
        split: engine.split,
      };
    },
  };
}

function floatRunner(source: FloatSource): Runner {
  const { name, graph } = source;
  const { sampleShape, stream } = dataRequestOf(graph);
  const { shape: output } = valueOf(graph, graph.outputs[0]);
  return {
    name,
    kind: source.kind,
    source,
    sampleShape,
    outputShape: stream === undefined ? output.slice(1) : output,
    stream,
    carriesStates: false,
    preprocess: undefined,
    memory: () => undefined,
    check() {},
    dequantize: (values) => Float32Array.from(values),
    compile() {
      const engine = compileFloat(graph, undefined, { keepsValues: false });
      return {
        prepare: (samples, index) => sampleAsFloat(samples, index),
        reset() {},
        run(input) {
          const output = engine.run(input instanceof Float32Array ? input : Float32Array.from(input));
          const index = output.findIndex((value) => !Number.isFinite(value));
          if (index < 0) return output;
          throw inputError(
            `${name}: found ${output[index]} at element ${index} of an output, expected finite numbers; check the ` +
              `model and the preprocessing of the data`,
          );
        },
      };
    },
  };
}
