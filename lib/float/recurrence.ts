import { type Problem, READ_SLACK } from "../../kernels/kernel.ts";
import { align, type Program } from "../../kernels/program.ts";
import type { Value } from "../ir/graph.ts";
import type { Layer } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import type { RecurrentChanges } from "../ops/operator.ts";
import { INPUT } from "../ops/recurrent_node.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { WeightVariant } from "./engine.ts";
import type { LinkedCalls } from "./linked_calls.ts";

/** Memory that the products of all recurrences share: a vector, and a result for each gate, `pitch` bytes apart. */
export interface ProductRoom {
  readonly bytes: number;
  readonly pitch: number;
}

export function productRoom(recurrences: readonly Recurrence[]): ProductRoom {
  const most = (sizes: readonly number[]): number => sizes.reduce((a, b) => Math.max(a, b), 0);
  const pitch = align(8 * most(recurrences.map(({ hidden }) => hidden)) + READ_SLACK);
  return { bytes: recurrences.length === 0 ? 0 : (1 + most(recurrences.map(({ gates }) => gates))) * pitch, pitch };
}

/**
 * A recurrent layer, with any of several weights: its operator's definition, with the products of the weight by kernels of
 * the same bits, one for each gate.
 */
export class Recurrence {
  readonly hidden: number;
  readonly gates: number;
  /** Entries of the program, gate by gate, by the key of the weights. */
  readonly #variants: ReadonlyMap<string, { readonly variant: WeightVariant; readonly entries: readonly number[] }>;
  readonly #multiply = new Map<string, NonNullable<RecurrentChanges["multiply"]>>();

  /** Adds the products to `problems`, which are the entries of a program. */
  constructor(readonly layer: Layer, variants: ReadonlyMap<string, WeightVariant>, problems: Problem[]) {
    const { shape } = layer.weight;
    const operator = operatorOf(layer.node.op);
    this.hidden = shape[1];
    this.gates = shape[0] / shape[1];
    this.#variants = new Map(Array.from(variants, ([key, variant]) => {
      const products = operator.lowerProducts!(variant.weights, shape); // recurrent operators have it
      return [key, { variant, entries: products.map((product) => problems.push(product) - 1) }];
    }));
  }

  /** Before the first run; `address` is where the room begins. */
  bind({ memory }: Program, calls: LinkedCalls, address: number, { pitch }: ProductRoom): void {
    const arrayAt = (index: number) => new Float64Array(memory.buffer, address + index * pitch, this.hidden);
    const input = arrayAt(0);
    const results = Array.from({ length: this.gates }, (_, gate) => arrayAt(1 + gate));
    for (const [key, { entries }] of this.#variants) {
      const joined = new Map<string, () => void>();
      this.#multiply.set(key, (vector, first, count, result) => {
        const gates = `${first} ${count}`;
        const call = joined.get(gates) ??
          calls.join(
            entries.slice(first, first + count).map((entry, i) => ({
              entry,
              output: address + (1 + i) * pitch,
              inputs: [address],
            })),
          );
        joined.set(gates, call);
        input.set(vector);
        call();
        for (let gate = 0; gate < count; gate++) result.set(results[gate], gate * this.hidden);
      });
    }
  }

  /**
   * The outputs of the layer's node with the weights of a key; with `rewrite`, the state as that leaves it after every
   * step. @throws {RangeError} for a key that was not given.
   */
  run(
    inputs: readonly (Tensor | undefined)[],
    outputs: readonly Value[],
    key: string,
    rewrite?: (state: Float32Array) => void,
  ): Tensor[] {
    const found = this.#variants.get(key);
    if (found === undefined) throw new RangeError(`no weights were given under the key ${key}`);
    const { node } = this.layer;
    const { weights, bias } = found.variant;
    const operands = [...inputs];
    operands[INPUT.r] = tensor("f32", this.layer.weight.shape, weights);
    if (bias !== undefined) operands[INPUT.bias] = tensor("f32", [bias.length], bias);
    return operatorOf(node.op).forwardChanged!(node, operands, outputs, {
      rewrite,
      multiply: this.#multiply.get(key),
    });
  }
}
