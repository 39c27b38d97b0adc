import { codeMatrix, decodeMatrix } from "../../lib/arith/binary_codes/coded_matrix.ts";
import { CODE_METHODS } from "../../lib/arith/binary_codes/methods/mod.ts";
import type { Graph, Value } from "../../lib/ir/graph.ts";
import { tensor } from "../../lib/tensor/tensor.ts";

/** A method of lib/arith/binary_codes by name, and bits. */
export interface Coding {
  readonly method: string;
  readonly bits: number;
}

/** Every method at 2, 3 and 4 bits, as far as it has them. */
export const CODINGS: readonly Coding[] = CODE_METHODS.flatMap(({ name, bits }) =>
  bits.filter((b) => b >= 2).map((b) => ({ method: name, bits: b }))
);

/** Weights of a graph: its constants of two axes, [rows, columns], by name. */
export function weightMatrices(graph: Graph): (Value & { readonly data: Float32Array })[] {
  return [...graph.values.values()].flatMap((value) =>
    // A state of one row is none.
    value.constant?.dtype === "f32" && value.shape.length === 2 && value.shape[0] > 1
      ? [{ ...value, data: value.constant.data as Float32Array }] // by the dtype just checked
      : []
  );
}

/** What codes make of a matrix [rows, columns], each row by itself. */
export function coded(weights: Float32Array, rows: number, { method, bits }: Coding): Float32Array {
  const found = CODE_METHODS.find(({ name }) => name === method)!;
  return decodeMatrix(codeMatrix(weights, rows, { method: found, bits }));
}

/** The same float graph with the weights that codes stand for. */
export function codedGraph(graph: Graph, coding: Coding): Graph {
  const values = new Map(graph.values);
  for (const value of weightMatrices(graph)) {
    const { data: weights, ...rest } = value;
    values.set(value.name, { ...rest, constant: tensor("f32", value.shape, coded(weights, value.shape[0], coding)) });
  }
  return { ...graph, values };
}
