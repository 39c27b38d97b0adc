import assert from "node:assert/strict";
import { runReference } from "../../../kernels/mod.ts";
import type { Value } from "../../../lib/ir/graph.ts";
import { ENTRIES } from "../../../lib/ops/mod.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { type FloatTensor, tensor } from "../../../lib/tensor/tensor.ts";

const OPERATORS = ENTRIES.flatMap(({ operator }) => operator?.lowerComputed ? [operator] : []);

for (const operator of OPERATORS) {
  Deno.test(`the float problem of ${operator.name} gives the bits of its definition`, () => {
    const random = seededRandom(1);
    for (const { attributes, inputs: shapes } of operator.samples) {
      const names = shapes.map((_, i) => `x${i}`);
      const node = { name: "node", op: operator.name, inputs: names, outputs: ["y"], attributes };
      const inputs = shapes.map((shape, i): Value => ({ name: names[i], dtype: "f32", shape }));
      const data = shapes.map((shape) => Float32Array.from({ length: sizeOf(shape) }, () => random.normal()));
      const [type] = operator.infer(node, inputs);
      const output: Value = { name: "y", ...type };
      const [expected] = operator.forward(node, data.map((x, i) => tensor("f32", shapes[i], x)), [output]);
      const found = new Float32Array(sizeOf(output.shape));
      runReference(operator.lowerComputed!(node, inputs, output), data, found);
      assert.deepEqual(found, (expected as FloatTensor).data);
    }
  });
}
