import { buildProgram, type ProgramEntry, type WasmProgram } from "../../kernels/program.ts";
import { selectKernel } from "../../kernels/mod.ts";
import { constantInput, type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type FloatTensor, type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";

/** Sees the result of one value (memory order) of the image that runs; valid until the next image. */
export type Tap = (value: string, data: Float32Array) => void;

/** What replaces parts of the network for one run from the middle. */
export interface Change {
  /** Name of the layer that computes differently. */
  readonly layer: string;
  /** Other weights, by the key they were given to `compileFloat` under. */
  readonly weights?: string;
  /** Rewrites a copy of the layer's input. */
  readonly input?: (data: Float32Array) => void;
}

/** A float network ready to run image by image. The order of every summation is fixed, so results are reproducible. */
export interface FloatEngine {
  readonly graph: Graph;
  /** One image in ONNX order in, the output in ONNX order out. `tap` sees the input and every computed value. */
  run(image: Float32Array, tap?: Tap): Float32Array;
  /** The output for the image of the last `run` if `change` applied; only what depends on it is computed again. */
  rerun(change: Change): Float32Array;
  /** The output for the image of the last `run` if all `changes` applied. */
  rerunAll(changes: readonly Change[]): Float32Array;
}

/** Weights that a layer may run with instead of its own, by layer and key, in ONNX order. */
export type WeightVariants = ReadonlyMap<string, ReadonlyMap<string, Float32Array>>;

/**
 * Prepares a canonical graph: layers run as generated WebAssembly, everything else as its operator's definition.
 */
export function compileFloat(graph: Graph, variants: WeightVariants = new Map()): FloatEngine {
  return new CompiledFloat(graph, variants);
}

const OWN_WEIGHTS = "";

/** Entries of the program by weight variant. */
type LayerCode = ReadonlyMap<string, number>;

class CompiledFloat implements FloatEngine {
  readonly #layers = new Map<string, LayerCode>();
  readonly #program: WasmProgram;
  readonly #output: Value;
  readonly #input: Value;
  readonly #nodes: { node: Node; inputs: (Value | undefined)[]; outputs: Value[] }[];
  readonly #outputBytes: number;
  /** Results of the last run. */
  #clean = new Map<string, Float32Array>();

  constructor(readonly graph: Graph, variants: WeightVariants) {
    const entries: ProgramEntry[] = [];
    let inputBytes = 0;
    let outputBytes = 0;
    for (const layer of layersOf(graph)) {
      const [x] = layer.node.inputs;
      const input = valueOf(graph, x);
      const output = valueOf(graph, layer.node.outputs[0]);
      const operator = operatorOf(layer.node.op);
      const add = (weights: Float32Array): number => {
        const problem = operator.lowerFloat!(layer.node, weights, layer.bias?.data, input, output);
        const kernel = selectKernel(problem);
        if (kernel === undefined) throw new Error(`no kernel computes layer ${layer.name}`);
        return entries.push({ kernel, problem }) - 1;
      };
      const byKey = new Map([[OWN_WEIGHTS, add(layer.weight.data)]]);
      for (const [key, weights] of variants.get(layer.name) ?? []) byKey.set(key, add(weights));
      this.#layers.set(layer.name, byKey);
      inputBytes = Math.max(inputBytes, 4 * sizeOf(input.shape));
      outputBytes = Math.max(outputBytes, 4 * sizeOf(output.shape));
    }
    this.#outputBytes = Math.ceil(outputBytes / 64 + 1) * 64;
    this.#program = buildProgram(entries, this.#outputBytes + inputBytes);
    this.#input = valueOf(graph, graph.inputs[0]);
    this.#output = valueOf(graph, graph.outputs[0]);
    this.#nodes = graph.nodes.map((node) => ({
      node,
      inputs: node.inputs.map((name) => name === "" ? undefined : valueOf(graph, name)),
      outputs: node.outputs.map((name) => valueOf(graph, name)),
    }));
  }

  run(image: Float32Array, tap?: Tap): Float32Array {
    const results = new Map<string, Float32Array>();
    const input = toActivationOrder(tensor("f32", this.#input.shape, image));
    results.set(this.#input.name, input);
    tap?.(this.#input.name, input);
    this.#nodes.forEach((_, i) => {
      for (const [name, data] of this.#compute(i, (value) => results.get(value)!)) {
        results.set(name, data);
        tap?.(name, data);
      }
    });
    this.#clean = results;
    return this.#read(results.get(this.#output.name)!);
  }

  rerun(change: Change): Float32Array {
    return this.rerunAll([change]);
  }

  rerunAll(changes: readonly Change[]): Float32Array {
    const byLayer = new Map(changes.map((change) => [change.layer, change]));
    const dirty = new Map<string, Float32Array>();
    const look = (value: string): Float32Array => dirty.get(value) ?? this.#clean.get(value)!;
    this.#nodes.forEach(({ node }, i) => {
      const change = byLayer.get(node.name);
      if (change === undefined && !node.inputs.some((name) => dirty.has(name))) return;
      for (const [name, data] of this.#compute(i, look, change)) dirty.set(name, data);
    });
    return this.#read(look(this.#output.name));
  }

  #read(data: Float32Array): Float32Array {
    return toLogicalOrder(tensor("f32", this.#output.shape, data));
  }

  #compute(index: number, look: (value: string) => Float32Array, change?: Change): [string, Float32Array][] {
    const { node, inputs, outputs } = this.#nodes[index];
    const layer = this.#layers.get(node.name);
    if (layer !== undefined) {
      return [[outputs[0].name, this.#runLayer(layer, look(node.inputs[0]), outputs[0], change)]];
    }
    const tensors = inputs.map((value, i): Tensor | undefined =>
      value && (constantInput(this.graph, node, i) ?? tensor("f32", value.shape, look(value.name)))
    );
    const results = operatorOf(node.op).forward(node, tensors, outputs);
    return results.map((result, i) => [outputs[i].name, (result as FloatTensor).data]);
  }

  #runLayer(layer: LayerCode, input: Float32Array, output: Value, change?: Change): Float32Array {
    const program = this.#program;
    const at = program.arena + this.#outputBytes;
    const given = new Float32Array(program.memory.buffer, at, input.length);
    given.set(input);
    change?.input?.(given);
    const entry = layer.get(change?.weights ?? OWN_WEIGHTS);
    if (entry === undefined) throw new RangeError(`no weights were given under the key ${change?.weights}`);
    program.run(entry, program.arena, at);
    return new Float32Array(program.memory.buffer, program.arena, sizeOf(output.shape)).slice();
  }
}
