import assert from "node:assert/strict";
import fc from "fast-check";
import { DyadError } from "../../../lib/format/error.ts";
import { decodeModel, decodeTensor, encodeModel, encodeTensor, exactInteger } from "../../../lib/onnx/schema.ts";
import { floats, model, smallNetwork } from "./sample_model.ts";

const MODELS = ["resnet20", "mobile", "inception", "lstm", "lstm_lm"];

Deno.test("the sample models decode to what their page says, and encode to the same bytes", () => {
  const nodes: Record<string, number> = {};
  for (const name of MODELS) {
    const bytes = Deno.readFileSync(new URL(`../../../testdata/models/${name}.onnx`, import.meta.url));
    const decoded = decodeModel(bytes);
    nodes[name] = decoded.graph!.node.length;
    assert.equal(decoded.producerName, "pytorch");
    assert.deepEqual(decoded.opsetImport, [{ version: 13n }]);
    assert.deepEqual(encodeModel(decoded), bytes);
  }
  assert.deepEqual(nodes, { resnet20: 75, mobile: 109, inception: 127, lstm: 14, lstm_lm: 8 });
});

Deno.test("raw data are views into the file, also when the file is a view or a node Buffer", () => {
  const bytes = model({ initializer: [floats("w", [2], [1.5, -2])] });
  const padded = new Uint8Array(bytes.length + 3);
  padded.set(bytes, 3);
  for (const file of [bytes, padded.subarray(3), Buffer.from(padded.buffer, 3)]) {
    const raw = decodeModel(file).graph!.initializer[0].rawData!;
    assert.equal(raw.buffer, file.buffer);
    assert.equal(raw.constructor, Uint8Array);
    assert.deepEqual([...new Float32Array(raw.slice().buffer)], [1.5, -2]);
  }
});

Deno.test("integers keep all 64 bits", () => {
  const extremes = [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
  const decoded = decodeTensor(encodeTensor({ int64Data: extremes, dims: extremes, uint64Data: [2n ** 64n - 1n] }));
  assert.deepEqual(decoded.int64Data, extremes);
  assert.deepEqual(decoded.dims, extremes);
  assert.deepEqual(decoded.uint64Data, [2n ** 64n - 1n]);
  assert.equal(exactInteger(-(2n ** 53n) + 1n, "it"), -(2 ** 53) + 1);
  assert.throws(() => exactInteger(2n ** 53n, "axis 1"), /axis 1 is 9007199254740992, expected .* 53 bits/);
});

Deno.test("every int64 and every double comes back", () => {
  fc.assert(fc.property(
    fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    fc.array(fc.double()),
    fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    fc.string({ unit: "grapheme" }),
    (int64Data, doubleData, int32Data, name) => {
      const decoded = decodeTensor(encodeTensor({ name, int64Data, doubleData, int32Data }));
      assert.deepEqual({ ...decoded }, { ...decoded, name, int64Data, doubleData, int32Data });
    },
  ));
});

Deno.test("repeated numbers are read packed and unpacked", () => {
  // Field 1 (dims): 7, then packed 8 and 300; field 4 (float_data): 1.5 unpacked, then packed -2.
  const bytes = Uint8Array.of(8, 7, 10, 3, 8, 172, 2, 37, 0, 0, 192, 63, 34, 4, 0, 0, 0, 192);
  const decoded = decodeTensor(bytes);
  assert.deepEqual(decoded.dims, [7n, 8n, 300n]);
  assert.deepEqual(decoded.floatData, [1.5, -2]);
});

Deno.test("unknown fields are skipped, also groups, and a message in two parts is merged", () => {
  const first = encodeModel({ irVersion: 8, graph: { name: "g", node: [{ opType: "Relu" }] } });
  const second = encodeModel({ graph: { node: [{ opType: "Add" }] } });
  // Field 100: a varint; field 101: a group that holds field 1 = 5.
  const unknown = Uint8Array.of(160, 6, 1, 171, 6, 8, 5, 172, 6);
  const decoded = decodeModel(Uint8Array.from([...first, ...unknown, ...second]));
  assert.equal(decoded.graph!.name, "g");
  assert.deepEqual(decoded.graph!.node.map(({ opType }) => opType), ["Relu", "Add"]);
});

Deno.test("a file cut off anywhere is an input error", () => {
  const bytes = model(smallNetwork());
  for (let length = 0; length < bytes.length; length++) {
    try {
      decodeModel(bytes.subarray(0, length));
    } catch (error) {
      assert.ok(error instanceof DyadError && error.kind === "input", `${length} bytes: ${error}`);
      continue;
    }
    // The only other place to cut without a trace is between the graph and what follows it.
    assert.ok(decodeModel(bytes.subarray(0, length)).opsetImport.length === 0, `${length} of ${bytes.length} bytes`);
  }
});
