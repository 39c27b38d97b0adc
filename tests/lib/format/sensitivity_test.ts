import assert from "node:assert/strict";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { SensitivityCodec } from "../../../lib/format/sensitivity.ts";

const LAYER = { name: "a", parameters: 10, macs: 20 };

function decode(layer: unknown, fields = {}) {
  const table = { format: "dyad/sensitivity", version: 1, layers: [layer], ...fields };
  return decodeArtefact(SensitivityCodec, JSON.stringify(table), "s.json");
}

Deno.test("a sensitivity table by hand", () => {
  const table = decode({ ...LAYER, fixed: "8", candidates: [{ bits: 8, score: 0.1 }, { bits: "4/8", score: 0.2 }] });
  assert.equal(table.metric, "score");
  assert.deepEqual(table.layers, [{
    ...LAYER,
    fixed: "8/8",
    candidates: [
      { weightBits: 8, activationBits: 8, scores: { score: 0.1 } },
      { weightBits: 4, activationBits: 8, scores: { score: 0.2 } },
    ],
  }]);
});

Deno.test("a sensitivity table of several metrics is written and read back", () => {
  const content = {
    inputs: { model: { sha256: "0".repeat(64) } },
    options: { seed: 1 },
    metric: "hessian",
    layers: [{
      ...LAYER,
      operator: "Conv",
      candidates: [{ weightBits: 4, activationBits: 8, scores: { hessian: 1e-9, mse: 0 } }],
    }, {
      ...LAYER,
      name: "b",
      tiedTo: "a",
      candidates: [{ weightBits: 4, activationBits: 8, scores: { hessian: 2 } }],
    }],
    baseline: { loss: 0.3, accuracy: 0.94 },
  };
  const text = encodeArtefact(SensitivityCodec, content);
  const table = decodeArtefact(SensitivityCodec, text, "s.json");
  assert.deepEqual(table.layers, content.layers);
  assert.equal(encodeArtefact(SensitivityCodec, table), text);
});

Deno.test("mistakes in a sensitivity table are named with their place", () => {
  const candidate = { bits: 8, score: 1 };
  const cases: [unknown, RegExp][] = [
    [{ ...LAYER, candidates: [] }, /layers\[0\]\.candidates: /],
    [{ ...LAYER, candidates: [{ bits: 8 }] }, /layers\[0\]\.candidates\[0\]: expected one of "score" and "scores"/],
    [{ ...LAYER, candidates: [{ ...candidate, scores: { a: 1 } }] }, /expected one of "score" and "scores"/],
    [{ ...LAYER, candidates: [{ bits: 8, score: -1 }] }, /layers\[0\]\.candidates\[0\]\.score: /],
    [{ ...LAYER, candidates: [{ score: 1 }] }, /layers\[0\]\.candidates\[0\]: expected "weightBits"/],
    [{ ...LAYER, fixed: "8x8", candidates: [candidate] }, /layers\[0\]\.fixed: expected bits like "8\/8"/],
    [{ ...LAYER, parameters: 0.5, candidates: [candidate] }, /layers\[0\]\.parameters: /],
    [{ ...LAYER, params: 5, candidates: [candidate] }, /layers\[0\]: Unrecognized key: "params"/],
  ];
  for (const [layer, message] of cases) assert.throws(() => decode(layer), { kind: "input", message });
});
