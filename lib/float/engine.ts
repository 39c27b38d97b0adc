import { type Problem, READ_SLACK } from "../../kernels/kernel.ts";
import { align, type ProgramCall } from "../../kernels/program.ts";
import { type Graph, type Node, type Value, valueOf } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import { sizeOf } from "../tensor/shape.ts";
import { tensor, toLogicalOrder } from "../tensor/tensor.ts";
import { type FloatBackend, loadFloatKernels } from "./float_backend.ts";
import { loadInputs, storeResult, tensorOf } from "./input_values.ts";
import { LinkedCalls } from "./linked_calls.ts";
import { productRoom, Recurrence } from "./recurrence.ts";
import { separatePlaces, sharedPlaces } from "./value_memory.ts";

/**
 * Sees the result of one value (memory order) of the image that runs; valid until the next image, or where values are not
 * kept, during the call.
 */
export type Tap = (value: string, data: Float32Array) => void;

/** What replaces parts of the network for one run from the middle. */
export interface Change {
  /** Name of the layer that computes differently. */
  readonly layer: string;
  /** Other weights, by the key they were given to `compileFloat` under. */
  readonly weights?: string;
  /** Rewrites a copy of the layer's input; of a recurrence, the state after every step. */
  readonly input?: (data: Float32Array) => void;
}

/** A float network ready to run image by image. The order of every summation is fixed, so results are reproducible. */
export interface FloatEngine {
  readonly graph: Graph;
  /**
   * One image in ONNX order in, the first output in ONNX order out; of a graph of several inputs their elements one after
   * the other, integers as numbers. `tap` sees the inputs and every computed value.
   */
  run(image: Float32Array, tap?: Tap): Float32Array;
  /** The elements of a value in the last `run`, in ONNX order; of outputs only, where values are not kept. */
  read(value: string): Float32Array;
  /** The output for the image of the last `run` if `change` applied; only what depends on it is computed again. */
  rerun(change: Change): Float32Array;
  /**
   * The output for the image of the last `run` if all `changes` applied and `rewrites` changed values in place.
   * @throws {RangeError} where values are not kept.
   */
  rerunAll(changes: readonly Change[], rewrites?: Rewrites): Float32Array;
}

/** By value: what becomes of it, in memory order, before anything reads it. */
export type Rewrites = ReadonlyMap<string, (data: Float32Array) => void>;

/** Weights (ONNX order) and biases that a layer may run with instead of its own. */
export interface WeightVariant {
  readonly weights: Float32Array;
  /** The layer's own where it is left out. */
  readonly bias?: Float32Array;
}

/** Variants by layer and key. */
export type WeightVariants = ReadonlyMap<string, ReadonlyMap<string, WeightVariant>>;

/** How a float network is computed; the bits are the same. */
export interface FloatOptions {
  /** Default wasm. Native code must have been found to run here (`nativeStatus` of lib/runtime). */
  readonly backend?: FloatBackend;
  /**
   * Whether values stay as they are after a run, for `rerun` and `read`. Without, they share memory as soon as nothing
   * reads them, which is faster where memory is not a cache: only outputs can be read after a run, and data that a tap
   * sees is valid during its call. Default true.
   */
  readonly keepsValues?: boolean;
}

/**
 * Prepares a canonical graph: layers run as generated code, everything else as its operator's definition.
 * @throws {RangeError} for a network that needs more memory than there is.
 */
export function compileFloat(
  graph: Graph,
  variants: WeightVariants = new Map(),
  { backend = "wasm", keepsValues = true }: FloatOptions = {},
): FloatEngine {
  return new CompiledFloat(graph, variants, backend, keepsValues);
}

const OWN_WEIGHTS = "";

/** Entries of the program by weight variant. */
type LayerCode = ReadonlyMap<string, number>;

/** Results of all values, of a run (`clean`) or of what changed since (`dirty`), each at a fixed place in memory. */
interface Place {
  readonly address: number;
  readonly data: Float32Array;
}

interface Work {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly layer?: LayerCode;
  readonly recurrence?: Recurrence;
  /** Entry of the program that computes a node without weights. */
  readonly entry?: number;
}

class CompiledFloat implements FloatEngine {
  readonly #calls: LinkedCalls;
  readonly #output: Value;
  readonly #inputs: readonly Value[];
  readonly #work: readonly Work[];
  readonly #clean: ReadonlyMap<string, Place>;
  /** Absent, like `#scratch`, where values are not kept. */
  readonly #dirty?: ReadonlyMap<string, Place>;
  /** Where a changed input of a layer is written. */
  readonly #scratch?: Place;
  /** A whole run, made for the first that no tap sees: calls of the program that follow each other are one. */
  #whole?: readonly (() => void)[];

  constructor(readonly graph: Graph, variants: WeightVariants, backend: FloatBackend, keepsValues: boolean) {
    const problems: Problem[] = [];
    const codes = new Map<string, LayerCode>();
    const recurrences = new Map<string, Recurrence>();
    for (const layer of layersOf(graph)) {
      if (operatorOf(layer.node.op).lowerFloat === undefined) {
        const own: WeightVariant = { weights: layer.weight.data };
        const all = new Map([[OWN_WEIGHTS, own], ...variants.get(layer.name) ?? []]);
        recurrences.set(layer.name, new Recurrence(layer, all, problems));
        continue;
      }
      const input = valueOf(graph, layer.node.inputs[0]);
      const output = valueOf(graph, layer.node.outputs[0]);
      const operator = operatorOf(layer.node.op);
      const add = ({ weights, bias = layer.bias?.data }: WeightVariant): number => {
        return problems.push(operator.lowerFloat!(layer.node, weights, bias, input, output)) - 1;
      };
      const byKey = new Map([[OWN_WEIGHTS, add({ weights: layer.weight.data })]]);
      for (const [key, variant] of variants.get(layer.name) ?? []) byKey.set(key, add(variant));
      codes.set(layer.name, byKey);
    }
    const entryOf = (node: Node): number | undefined => {
      const inputs = node.inputs.filter((name) => name !== "").map((name) => valueOf(graph, name));
      const isComputed = inputs.length === node.inputs.length && inputs.every(({ constant }) => constant === undefined);
      if (codes.has(node.name) || !isComputed) return undefined;
      const problem = operatorOf(node.op).lowerComputed?.(node, inputs, valueOf(graph, node.outputs[0]));
      return problem && problems.push(problem) - 1;
    };
    this.#inputs = graph.inputs.map((name) => valueOf(graph, name));
    this.#output = valueOf(graph, graph.outputs[0]);
    this.#work = graph.nodes.map((node) => ({
      node,
      inputs: node.inputs.map((name) => name === "" ? undefined : valueOf(graph, name)),
      outputs: node.outputs.map((name) => valueOf(graph, name)),
      layer: codes.get(node.name),
      recurrence: recurrences.get(node.name),
      entry: entryOf(node),
    }));
    const { offsets, arenaBytes } = (keepsValues ? separatePlaces : sharedPlaces)(graph);
    const largest = Array.from(offsets.keys(), (name) => sizeOf(valueOf(graph, name).shape))
      .reduce((most, size) => Math.max(most, size), 0);
    const scratchBytes = align(4 * largest + READ_SLACK);
    const valueBytes = align(keepsValues ? 2 * arenaBytes + scratchBytes : arenaBytes);
    const room = productRoom([...recurrences.values()]);
    const program = loadFloatKernels(problems, valueBytes + room.bytes, backend);
    const place = (address: number, elements: number): Place => ({
      address,
      data: new Float32Array(program.memory.buffer, address, elements),
    });
    const places = (start: number): Map<string, Place> =>
      new Map(Array.from(offsets, ([name, at]) => [name, place(start + at, sizeOf(valueOf(graph, name).shape))]));
    this.#calls = new LinkedCalls(program);
    for (const recurrence of recurrences.values()) {
      recurrence.bind(program, this.#calls, program.arena + valueBytes, room);
    }
    this.#clean = places(program.arena);
    if (!keepsValues) return;
    this.#dirty = places(program.arena + arenaBytes);
    this.#scratch = place(program.arena + 2 * arenaBytes, largest);
  }

  run(image: Float32Array, tap?: Tap): Float32Array {
    const inputs = this.#inputs.map((value) => ({ value, data: this.#clean.get(value.name)!.data }));
    loadInputs(inputs, image);
    if (tap === undefined) { for (const part of this.#whole ??= this.#joinCalls()) part(); }
    else {
      for (const { value: { name }, data } of inputs) tap(name, data);
      for (const work of this.#work) {
        this.#compute(work, this.#look, this.#clean);
        for (const output of work.outputs) tap(output.name, this.#clean.get(output.name)!.data);
      }
    }
    return this.read(this.#output.name);
  }

  readonly #look = (value: string): Place => this.#clean.get(value)!;

  #joinCalls(): (() => void)[] {
    const parts: (() => void)[] = [];
    const calls: ProgramCall[] = [];
    const endCalls = (): void => {
      if (calls.length > 0) parts.push(this.#calls.join(calls.splice(0)));
    };
    for (const work of this.#work) {
      const call = this.#callOf(work, this.#look, this.#clean);
      if (call !== undefined) calls.push(call);
      else {
        endCalls();
        parts.push(() => this.#compute(work, this.#look, this.#clean));
      }
    }
    endCalls();
    return parts;
  }

  read(value: string): Float32Array {
    const { shape } = valueOf(this.graph, value);
    return toLogicalOrder(tensor("f32", shape, this.#clean.get(value)!.data));
  }

  rerun(change: Change): Float32Array {
    return this.rerunAll([change]);
  }

  rerunAll(changes: readonly Change[], rewrites: Rewrites = new Map()): Float32Array {
    const dirty = this.#dirty;
    if (dirty === undefined) throw new RangeError("the values of the last run were not kept");
    const byLayer = new Map(changes.map((change) => [change.layer, change]));
    const changed = new Set<string>();
    const look = (value: string): Place => (changed.has(value) ? dirty : this.#clean).get(value)!;
    const rewrite = (value: string): void => {
      const rewriting = rewrites.get(value);
      if (rewriting === undefined) return;
      const { data } = dirty.get(value)!;
      if (!changed.has(value)) data.set(this.#clean.get(value)!.data);
      rewriting(data);
      changed.add(value);
    };
    for (const { name } of this.#inputs) rewrite(name);
    for (const work of this.#work) {
      const change = byLayer.get(work.node.name);
      if (change !== undefined || work.node.inputs.some((name) => changed.has(name))) {
        this.#compute(work, look, dirty, change);
        for (const output of work.outputs) changed.add(output.name);
      }
      for (const output of work.outputs) rewrite(output.name);
    }
    return this.#read(look(this.#output.name));
  }

  #read({ data }: Place): Float32Array {
    return toLogicalOrder(tensor("f32", this.#output.shape, data));
  }

  #compute(work: Work, look: (value: string) => Place, target: ReadonlyMap<string, Place>, change?: Change): void {
    const call = this.#callOf(work, look, target, change);
    if (call !== undefined) return this.#calls.run(call);
    const { node, inputs, outputs, recurrence } = work;
    const tensors = inputs.map((value) => value && (value.constant ?? tensorOf(value, look(value.name).data)));
    const operator = operatorOf(node.op);
    const results = recurrence === undefined
      ? operator.forward(node, tensors, outputs)
      : recurrence.run(tensors, outputs, change?.weights ?? OWN_WEIGHTS, change?.input);
    results.forEach((result, i) => {
      storeResult(result, target.get(outputs[i].name)!.data);
    });
  }

  /** How the program computes a node, where it does. */
  #callOf(
    { node, outputs, layer, entry }: Work,
    look: (value: string) => Place,
    target: ReadonlyMap<string, Place>,
    change?: Change,
  ): ProgramCall | undefined {
    if (layer === undefined && entry === undefined) return undefined;
    const output = target.get(outputs[0].name)!.address;
    return layer !== undefined
      ? { entry: variantOf(layer, change), output, inputs: [this.#inputOf(look(node.inputs[0]), change)] }
      : { entry: entry!, output, inputs: node.inputs.map((name) => look(name).address) };
  }

  /** Address of a layer's input, rewritten in a place of its own where `change` says so. */
  #inputOf(input: Place, change: Change | undefined): number {
    if (change?.input === undefined) return input.address;
    const { address, data } = this.#scratch!; // only reruns change inputs
    const rewritten = data.subarray(0, input.data.length);
    rewritten.set(input.data);
    change.input(rewritten);
    return address;
  }
}

function variantOf(variants: LayerCode, change: Change | undefined): number {
  const variant = variants.get(change?.weights ?? OWN_WEIGHTS);
  if (variant === undefined) throw new RangeError(`no weights were given under the key ${change?.weights}`);
  return variant;
}
