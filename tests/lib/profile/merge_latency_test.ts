import assert from "node:assert/strict";
import { decodeArtefact, encodeArtefact } from "../../../lib/format/artefact.ts";
import { LatencyCodec, type LatencyFrame, type Measurement } from "../../../lib/format/latency.ts";
import { mergeLatency } from "../../../lib/profile/merge_latency.ts";
import { expectError } from "../format/expect_error.ts";

const eight = { weightBits: 8, activationBits: 8 };
const four = { weightBits: 4, activationBits: 4 };

const FRAME: LatencyFrame = {
  machine: { os: "any", cores: 2 },
  keys: ["conv", "requantize", "sum", "whole 8/8", "whole 4/4", "whole mixed"],
  layers: [
    { name: "a", candidates: [{ ...eight, parts: { conv: 1 } }, { ...four, parts: { conv: 1, requantize: 0.5 } }] },
    { name: "b", candidates: [{ ...eight, parts: { conv: 2 } }, { ...four, parts: { conv: 2, requantize: 0.5 } }] },
  ],
  overhead: [{ ...eight, parts: { sum: 1 } }, { ...four, parts: { sum: 3 } }],
  networks: [
    { name: "8/8", bits: "8/8", key: "whole 8/8" },
    { name: "4/4", bits: "4/4", key: "whole 4/4" },
    { name: "mixed", bits: ["8/8", "4/4"], key: "whole mixed" },
  ],
};

const measured = (key: string, ms: number): Measurement => ({ key, ms, quartiles: [ms / 2, 2 * ms], rounds: 7 });

const RECORDS = [
  measured("conv", 1),
  measured("requantize", 0.5),
  measured("sum", 0.25),
  measured("whole 8/8", 4),
  measured("whole 4/4", 4),
  measured("whole mixed", 3.5),
];

Deno.test("times of layers, of the rest and of whole networks are the sums that the frame states", () => {
  const { layers, overheadMs, overhead, networks, measurements, machine } = mergeLatency(FRAME, RECORDS);
  assert.deepEqual(layers.map(({ candidates }) => candidates.map(({ ms }) => ms)), [[1, 1.25], [2, 2.25]]);
  assert.deepEqual(layers[0].candidates[1].quartiles, [0.625, 2.5]);
  assert.equal(overheadMs, 0.5); // the mean of 0.25 and 0.75
  assert.deepEqual(overhead!.candidates.map(({ ms }) => ms), [0.25, 0.75]);
  assert.deepEqual(networks!.map(({ predictedMs }) => predictedMs), [3.5, 4, 3.75]);
  assert.deepEqual(networks!.map(({ difference }) => difference), [-0.125, 0, 0.0714]);
  assert.deepEqual([measurements, machine], [RECORDS, FRAME.machine]);
});

Deno.test("the order of the records changes no byte, and what is written is read again", () => {
  const header = { inputs: {}, options: {} };
  const text = encodeArtefact(LatencyCodec, { ...header, ...mergeLatency(FRAME, RECORDS) });
  assert.equal(encodeArtefact(LatencyCodec, { ...header, ...mergeLatency(FRAME, RECORDS.toReversed()) }), text);
  const { format: _, version: __, dyad: ___, integrity: ____, ...content } = decodeArtefact(LatencyCodec, text, "l");
  assert.equal(encodeArtefact(LatencyCodec, content), text);
});

Deno.test("records that are not those of the frame are told", () => {
  const refuses = (pattern: RegExp, records: readonly unknown[], frame: unknown = FRAME) =>
    expectError("input", () => mergeLatency(frame, records), pattern);
  refuses(/^1 of 6 keys are not measured, the first is "sum"$/, RECORDS.toSpliced(2, 1));
  refuses(/^"conv" is measured twice/, [...RECORDS, RECORDS[0]]);
  refuses(/^"pool" is measured, but not a key of the table/, [...RECORDS, measured("pool", 1)]);
  refuses(/^not the records of a latency table: 0\.ms: /, [{ ...RECORDS[0], ms: "1" }, ...RECORDS.slice(1)]);
  refuses(/^not the records of a latency table: 6: /, [...RECORDS, null]);
  refuses(/^not the frame of a latency table: layers: /, RECORDS, { ...FRAME, layers: undefined });
  refuses(/^"sum" counts for a time, but is not a key/, RECORDS.toSpliced(2, 1), {
    ...FRAME,
    keys: FRAME.keys.toSpliced(2, 1),
  });
  const networks = [{ ...FRAME.networks[0], bits: ["8/8", "2/2"] }];
  refuses(/^network 8\/8: b was not measured at 2\/2$/, RECORDS, { ...FRAME, networks });
});
