import assert from "node:assert/strict";
import type { Value } from "../../../lib/ir/graph.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import { INPUT } from "../../../lib/ops/recurrent_node.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";

const PLAIN = { isReverse: false, clip: Infinity, variant: false };
const ACTIVATIONS = { LSTM: ["Sigmoid", "Tanh", "Tanh"], GRU: ["Sigmoid", "Tanh"], RNN: ["Tanh"] } as const;

function reasonOf(op: keyof typeof ACTIVATIONS, attributes: object, inputs: readonly (Value | undefined)[] = []) {
  const node = {
    name: "memory",
    op,
    inputs: [],
    outputs: [],
    attributes: { ...PLAIN, activations: ACTIVATIONS[op], ...attributes },
  };
  return operatorOf(op).withoutIntegers!(node, inputs);
}

/** Inputs of which one, of this place, holds a value. */
function inputAt(place: number, value: number): Value[] {
  const inputs: Value[] = [];
  inputs[place] = { name: "in", dtype: "f32", shape: [1, 1], constant: tensor("f32", [1, 1], Float32Array.of(value)) };
  return inputs;
}

/** Inputs of which one, of this place, is computed. */
function inputWithout(place: number): Value[] {
  const inputs: Value[] = [];
  inputs[place] = { name: "in", dtype: "i32", shape: [1] };
  return inputs;
}

Deno.test("recurrences of default attributes have an integer form", () => {
  assert.equal(reasonOf("LSTM", {}), undefined);
  assert.equal(reasonOf("LSTM", { isReverse: true }, inputAt(INPUT.c, 0)), undefined);
  for (const variant of [false, true]) assert.equal(reasonOf("GRU", { variant }), undefined);
  for (const op of ["LSTM", "GRU", "RNN"] as const) assert.equal(reasonOf(op, { clip: 3 }), undefined);
  for (const name of ["Tanh", "Sigmoid", "Relu"]) assert.equal(reasonOf("RNN", { activations: [name] }), undefined);
});

Deno.test("what integers do not have of a recurrence is named", () => {
  for (const op of ["LSTM", "GRU", "RNN"] as const) {
    const lengths: Value[] = [];
    lengths[INPUT.lengths] = { name: "l", dtype: "i32", shape: [2], constant: tensor("i32", [2], Int32Array.of(3, 2)) };
    const other = "other than one constant length above 0";
    assert.equal(reasonOf(op, {}, lengths), `its input sequence_lens (l: 3, 2) ${other}`);
    assert.equal(reasonOf(op, {}, inputWithout(INPUT.lengths)), `its input sequence_lens (in: not constant) ${other}`);
    assert.equal(reasonOf(op, {}, inputAt(INPUT.h, 0.5)), undefined);
  }
  for (const op of ["LSTM", "GRU"] as const) {
    assert.equal(reasonOf(op, { activations: ["Tanh", "Tanh"] }), "its attribute activations (Tanh, Tanh)");
  }
  assert.equal(reasonOf("LSTM", { variant: true }), "its attribute input_forget");
  for (const place of [INPUT.c, INPUT.p]) assert.equal(reasonOf("LSTM", {}, inputAt(place, 0.5)), undefined);
});
