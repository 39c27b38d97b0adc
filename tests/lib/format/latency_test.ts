import assert from "node:assert/strict";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { LatencyCodec } from "../../../lib/format/latency.ts";

function decode(candidates: unknown, fields = {}) {
  const table = { format: "dyad/latency", version: 1, layers: [{ name: "a", candidates }], ...fields };
  return decodeArtefact(LatencyCodec, JSON.stringify(table), "l.json");
}

Deno.test("a latency table by hand", () => {
  const table = decode([{ bits: 8, ms: 0.5 }, { bits: "4/8", ms: 0.25 }], {
    machine: { cpu: "somebody's", threads: 1 },
  });
  assert.equal(table.unit, "ms");
  assert.equal(table.overheadMs, 0);
  assert.deepEqual(table.layers[0].candidates, [
    { weightBits: 8, activationBits: 8, ms: 0.5 },
    { weightBits: 4, activationBits: 8, ms: 0.25 },
  ]);
  const text = encodeArtefact(LatencyCodec, table);
  assert.equal(encodeArtefact(LatencyCodec, decodeArtefact(LatencyCodec, text, "l.json")), text);
});

Deno.test("what profile writes beside the times: where they are from, and whole networks", () => {
  const key = "conv 3x3 #0123";
  const table = decode([{ bits: 8, ms: 0.5, quartiles: [0.4, 0.6], parts: { [key]: 1 } }], {
    overheadMs: 0.1,
    overhead: { definition: "mean", candidates: [{ weightBits: 8, activationBits: 8, ms: 0.1 }] },
    measurements: [{ key, ms: 0.5, quartiles: [0.4, 0.6], rounds: 9 }],
    networks: [
      { name: "p", bits: ["8"], key: "n", predictedMs: 0.6, measuredMs: 0.5, quartiles: [0.5, 0.5], difference: 0.2 },
    ],
  });
  const text = encodeArtefact(LatencyCodec, table);
  assert.equal(encodeArtefact(LatencyCodec, decodeArtefact(LatencyCodec, text, "l.json")), text);
  assert.deepEqual(table.networks![0].bits, ["8/8"]);
  assert.deepEqual(table.layers[0].candidates[0].parts, { [key]: 1 });
  for (const parts of [{ [key]: 0 }, { [key]: "1" }, [key]]) {
    assert.throws(() => decode([{ bits: 8, ms: 1, parts }]), { kind: "input", message: /candidates\[0\]\.parts/ });
  }
});

Deno.test("mistakes in a latency table are named with their place", () => {
  assert.throws(() => decode([{ bits: 8 }]), { kind: "input", message: /layers\[0\]\.candidates\[0\]\.ms: / });
  assert.throws(() => decode([{ bits: 8, ms: -1 }]), { kind: "input", message: /candidates\[0\]\.ms: / });
  assert.throws(() => decode([{ bits: 8, us: 1, ms: 1 }]), { kind: "input", message: /Unrecognized key: "us"/ });
  assert.throws(() => decode([{ bits: 8, ms: 1 }], { unit: "us" }), { kind: "input", message: /unit: / });
});
