import assert from "node:assert/strict";
import fc from "fast-check";
import { compileFloat } from "../../../lib/float/engine.ts";
import type { FloatBackend } from "../../../lib/float/float_backend.ts";
import type { Graph, Node, Value } from "../../../lib/ir/graph.ts";
import { operatorOf } from "../../../lib/ops/mod.ts";
import type { RecurrentAttributes } from "../../../lib/ops/recurrent_node.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { type FloatTensor, tensor } from "../../../lib/tensor/tensor.ts";

const BACKENDS: readonly FloatBackend[] = nativeStatus().isAvailable ? ["wasm", "native"] : ["wasm"];

const CELLS = [
  { op: "LSTM", gates: 4, activations: ["Sigmoid", "Tanh", "Tanh"] },
  { op: "GRU", gates: 3, activations: ["Sigmoid", "Tanh"] },
  { op: "RNN", gates: 1, activations: ["Tanh"] },
] as const;

const RECURRENCES = fc.record({
  cell: fc.constantFrom(...CELLS),
  hidden: fc.integer({ min: 1, max: 70 }),
  steps: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 2 }),
  hasBias: fc.boolean(),
  isReverse: fc.boolean(),
  variant: fc.boolean(),
  seed: fc.integer(),
});

Deno.test("recurrences have the bits of their operators' definition on every backend, rewritten or not", () => {
  fc.assert(
    fc.property(RECURRENCES, ({ cell, hidden, steps, batch, hasBias, isReverse, variant, seed }) => {
      const random = seededRandom(seed);
      const normals = (...shape: number[]): FloatTensor =>
        tensor("f32", shape, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()));
      const x = normals(steps, batch, cell.gates * hidden);
      const r = normals(cell.gates * hidden, hidden);
      const bias = normals(cell.gates * hidden);
      const attributes: RecurrentAttributes = { isReverse, activations: cell.activations, clip: Infinity, variant };
      const node: Node = {
        name: "memory",
        op: cell.op,
        inputs: hasBias ? ["x", "r", "b"] : ["x", "r"],
        outputs: cell.op === "LSTM" ? ["y", "h", "c", "cs"] : ["y", "h"],
        attributes: { ...attributes },
      };
      const operator = operatorOf(cell.op);
      const inputs: Value[] = [
        { name: "x", dtype: "f32", shape: x.shape },
        { name: "r", dtype: "f32", shape: r.shape, constant: r },
        ...hasBias ? [{ name: "b", dtype: "f32" as const, shape: bias.shape, constant: bias }] : [],
      ];
      const outputs = operator.infer(node, inputs).map((type, i): Value => ({ name: node.outputs[i], ...type }));
      const values = new Map([...inputs, ...outputs].map((value) => [value.name, value]));
      const graph: Graph = { name: "recurrence", inputs: ["x"], outputs: ["y"], nodes: [node], values };

      const halved = (state: Float32Array): void => state.forEach((value, i) => state[i] = value / 2);
      const operands = hasBias ? [x, r, bias] : [x, r];
      const [expected] = operator.forward(node, operands, outputs);
      const [rewritten] = operator.forwardChanged!(node, operands, outputs, { rewrite: halved });
      for (const backend of BACKENDS) {
        const engine = compileFloat(graph, undefined, { backend });
        assert.deepEqual(engine.run(x.data), expected.data, backend);
        assert.deepEqual(engine.rerun({ layer: "memory", input: halved }), rewritten.data, backend);
      }
    }),
    { numRuns: 60 },
  );
});
