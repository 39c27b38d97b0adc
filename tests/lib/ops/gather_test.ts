import assert from "node:assert/strict";
import { operatorOf } from "../../../lib/ops/mod.ts";
import { type Tensor, tensor } from "../../../lib/tensor/tensor.ts";
import { expectError } from "../format/expect_error.ts";

const TABLE = tensor("f32", [3, 2], Float32Array.of(0, 1, 10, 11, 20, 21));

/** Rows of TABLE. */
function gathered(...indices: number[]): Tensor {
  const node = { name: "n", op: "Gather", inputs: ["table", "ids"], outputs: ["y"], attributes: { axis: 0 } };
  const ids = tensor("i64", [indices.length], BigInt64Array.from(indices, BigInt));
  const output = { name: "y", dtype: "f32", shape: [indices.length, 2] } as const;
  return operatorOf("Gather").forward(node, [TABLE, ids], [output])[0];
}

Deno.test("an index may count from the end", () => {
  assert.deepEqual(gathered(2, -3, -1), tensor("f32", [3, 2], Float32Array.of(20, 21, 0, 1, 20, 21)));
});

Deno.test("an index outside the table is an error that names the node", () => {
  for (const index of [3, -4, 2 ** 40]) {
    expectError("input", () => gathered(0, index), `node n (Gather): found the index ${index}, expected -3 to 2`);
  }
});
