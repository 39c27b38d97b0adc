import assert from "node:assert/strict";
import { encodeArtefact } from "../../../lib/format/artefact.ts";
import { parseCandidates } from "../../../lib/format/candidates.ts";
import { shardOf } from "../../../lib/format/part.ts";
import { type Sensitivity, SensitivityCodec } from "../../../lib/format/sensitivity.ts";
import { collectRecords, type Stage } from "../../../lib/sensitivity/collect.ts";
import { makeFrame } from "../../../lib/sensitivity/make_frame.ts";
import { Means } from "../../../lib/sensitivity/means.ts";
import { measureSensitivity } from "../../../lib/sensitivity/measure.ts";
import { MEASUREMENTS } from "../../../lib/sensitivity/measurements/mod.ts";
import { METRICS } from "../../../lib/sensitivity/metrics/mod.ts";
import { mergeSensitivity } from "../../../lib/sensitivity/merge.ts";
import { unitProgress } from "../../../lib/sensitivity/progress.ts";
import { recordsInOrder, type SensitivityRecord, unitName, unitsOf } from "../../../lib/sensitivity/record.ts";
import type { RoundsRule } from "../../../lib/sensitivity/rounds.ts";
import { samplesOfChunk } from "../../../lib/sensitivity/samples.ts";
import { prepareStudy, type SensitivityRequest } from "../../../lib/sensitivity/study.ts";
import { assembleTable } from "../../../lib/sensitivity/table.ts";
import { unitComputer } from "../../../lib/sensitivity/unit.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { expectError } from "../format/expect_error.ts";
import { calibrationOf, canonicalGraph, TINY, tinyDataset } from "./tiny_network.ts";

const graph = canonicalGraph(TINY);
const dataset = tinyDataset(11); // two chunks, the last one short
const REQUEST: SensitivityRequest = {
  graph,
  calibration: calibrationOf(graph, dataset),
  dataName: dataset.name,
  hasLabels: true,
  candidates: parseCandidates("8/8,2/4"),
  metrics: "all",
};
const PROBES = 3;
const INDICES = Array.from({ length: dataset.count }, (_, i) => i);

const study = prepareStudy(REQUEST);
const frame = makeFrame(study, { samples: dataset.count, probes: PROBES });
const units = unitsOf(frame, 0, PROBES);

/** Records of units in this order, computed by a study of its own that came as a Worker gets it. */
function compute(order: readonly number[] = units.map((_, i) => i)): SensitivityRecord[] {
  const computeUnit = unitComputer(prepareStudy(structuredClone(REQUEST)));
  return order.map((i) => {
    const steps = computeUnit(structuredClone({
      unit: units[i],
      samples: samplesOfChunk(dataset, INDICES, units[i].chunk),
    }));
    let step = steps.next();
    for (; !step.done; step = steps.next()) assert.ok(step.value > 0 && step.value <= 1);
    return step.value;
  });
}

const records = compute();
const textOf = (table: Sensitivity) => encodeArtefact(SensitivityCodec, { inputs: {}, options: {}, ...table });
const whole = textOf(assembleTable(frame, records));
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value));

Deno.test("units are by measurement, round and chunk, each once; one-round measurements have one round", () => {
  assert.equal(new Set(units.map(unitName)).size, units.length);
  for (const { name, rounds } of MEASUREMENTS) {
    assert.equal(units.filter(({ measurement }) => measurement === name).length, 2 * (rounds === "one" ? 1 : PROBES));
  }
  const later = unitsOf(frame, 1, PROBES);
  assert.deepEqual(later, units.filter(({ round }) => round > 0));
});

Deno.test("what metrics need is in the list of measurements, whose quantities have names of their own", () => {
  const needed = new Set(METRICS.flatMap(({ needs }) => needs));
  assert.deepEqual([...needed].sort(), MEASUREMENTS.map(({ name }) => name).sort());
  for (const measurement of MEASUREMENTS) {
    const names = measurement.quantities(frame).map(({ layer = "", name }) => JSON.stringify([layer, name]));
    assert.equal(new Set(names).size, names.length, measurement.name);
    assert.ok(measurement.workPerImage(frame) > 0, measurement.name);
  }
});

Deno.test("whoever computes the units, in whatever order, finds the same numbers", () => {
  const order = seededRandom(5).permutation(units.length);
  assert.deepEqual(compute(order), order.map((i) => records[i]));
  const shuffled = order.map((i) => asJson(records[i]));
  assert.equal(textOf(assembleTable(asJson(frame), shuffled)), whole);
});

Deno.test("measuring in one call gives the same table", async () => {
  const { dataName: _, hasLabels: __, ...request } = REQUEST;
  assert.equal(textOf(await measureSensitivity({ ...request, dataset, probes: PROBES })), whole);
});

for (const count of [1, 2, 3, 5, units.length + 2]) {
  Deno.test(`${count} shards merge to the undivided table`, async () => {
    const parts = await Promise.all(Array.from({ length: count }, async (_, i) => {
      const collected = await collectRecords(frame, {
        share: (all) => shardOf(all, { index: i + 1, count }),
        measure: ({ missing }: Stage) => {
          const names = new Set(missing.map(unitName));
          return Promise.resolve(records.filter((record) => names.has(unitName(record))));
        },
      });
      return collected.records;
    }));
    assert.equal(parts.flat().length, units.length);
    assert.equal(textOf(mergeSensitivity(asJson(frame), asJson(parts.toReversed().flat()))), whole);
  });
}

Deno.test("merging refuses what is missing, double, misfit, or of another frame", () => {
  const [first, ...others] = records;
  const name = /"trials, round 0, chunk 0"/;
  expectError(
    "input",
    () => mergeSensitivity(frame, others),
    `found ${units.length - 1} of ${units.length} units`,
    name,
    /missing/,
  );
  expectError("input", () => mergeSensitivity(frame, [...records, first]), name, /twice/);
  expectError("input", () => mergeSensitivity(frame, [{ ...first, images: 3 }, ...others]), name, /does not fit/);
  expectError("input", () => mergeSensitivity(frame, [{ ...first, sums: null }, ...others]), /record 0 is not/);
  expectError("input", () => mergeSensitivity({ ...frame, layers: [] }, records), /the frame is not/);
  const beyond = records.find(({ round }) => round === PROBES - 1)!;
  expectError("input", () => mergeSensitivity(frame, [...records, { ...beyond, round: PROBES }]), /do not consist of/);
});

/** Two rounds, then one more. */
const stepwise = (seen: number[]): RoundsRule => (_, before) => {
  seen.push(before.length);
  return seen.length < 3 ? { more: 3 - seen.length } : { more: 0, ending: { endedBy: "stability", agreement: 1 } };
};

Deno.test("the rule is asked at ends of rounds with exactly their records, whatever was interrupted", async () => {
  const perRound = units.filter(({ round }) => round === 1).length;
  const answers = [0, units.length - perRound, units.length];
  const adaptive = makeFrame(study, { samples: dataset.count });
  let text: string | undefined;
  for (let seed = 0; seed < 8; seed++) {
    const random = seededRandom(seed);
    const finished = records.filter(() => seed > 0 && random.uniform() < 0.5);
    const computed: string[] = [];
    const seen: number[] = [];
    const collected = await collectRecords(adaptive, {
      finished: asJson(finished),
      rule: stepwise(seen),
      measure({ missing }) {
        computed.push(...missing.map(unitName));
        const wanted = new Set(missing.map(unitName));
        return Promise.resolve(records.filter((record) => wanted.has(unitName(record))).toReversed());
      },
    });
    assert.deepEqual(seen, answers, `seed ${seed}`);
    assert.equal(computed.length, units.length - finished.length, `seed ${seed}`);
    assert.deepEqual(collected.records, records, `seed ${seed}`);
    const table = assembleTable(adaptive, collected.records, collected.ending);
    assert.deepEqual(table.rounds, { count: PROBES, endedBy: "stability", agreement: 1 });
    text ??= textOf(table);
    assert.equal(textOf(table), text);
  }
});

Deno.test("means are over images, by round; resampled rounds count as often as they were drawn", () => {
  const means = Means.of(frame, records);
  const many = MEASUREMENTS.find(({ rounds }) => rounds === "many")!;
  const [{ layer, name }] = many.quantities(frame);
  const own = records.filter(({ measurement }) => measurement === many.name);
  const expected = [0, 1, 2].map((round) =>
    own.filter((record) => record.round === round).reduce((sum, { sums }) => sum + sums[0], 0) / dataset.count
  );
  assert.equal(means.rounds(many.name), PROBES);
  assert.deepEqual(means.byRound(many.name, name, layer), expected);
  assert.equal(means.mean(many.name, name, layer), (expected[0] + expected[1] + expected[2]) / 3);
  assert.deepEqual(means.resampled([2, 0, 2]).byRound(many.name, name, layer), [
    expected[2],
    expected[0],
    expected[2],
  ]);
  assert.equal(means.resampled([2, 0, 2]).rounds("trials"), 1);
  assert.throws(() => means.mean("trials", "nothing"), RangeError);
});

Deno.test("of several records of a unit the first counts, and later rounds than asked for do not", () => {
  const [first] = records;
  const changed = { ...first, sums: first.sums.map((sum) => sum + 1) };
  assert.deepEqual(recordsInOrder(frame, [...records, changed], PROBES), records);
  assert.deepEqual(recordsInOrder(frame, records, 1), records.filter(({ round }) => round === 0));
});

Deno.test("progress is by work, from what is finished to all of it, over units done at a time", () => {
  const told: number[] = [];
  const [finished, missing] = [units.slice(0, 1), units.slice(1)];
  const tell = unitProgress(frame, { finished, missing }, (done, total) => {
    assert.equal(total, dataset.count);
    told.push(done);
  });
  assert.ok(told[0] > 0 && told[0] < 8);
  for (const fraction of [0.3, 0.6, 1]) for (const unit of missing) tell(unit, fraction);
  assert.deepEqual(told, told.toSorted((a, b) => a - b));
  assert.ok(Math.abs(told.at(-1)! - dataset.count) < 1e-9);
});

Deno.test("sums that are not finite name the layer, the trial and the images", () => {
  const { calibration } = REQUEST;
  const [input] = graph.nodes.find(({ name }) => name === "second")!.inputs;
  const tensors = calibration.tensors.map((each) =>
    each.name === input ? { ...each, channelMeans: Array(6).fill(1e300) } : each
  );
  const broken = unitComputer(prepareStudy({ ...REQUEST, calibration: { ...calibration, tensors } }));
  const steps = broken({ unit: units[1], samples: samplesOfChunk(dataset, INDICES, 1) });
  expectError(
    "input",
    () => {
      while (!steps.next().done);
    },
    /^layer "second": soft-kl at 8\/float, summed over the images from number 8 of tiny\.npy on, is NaN/,
  );
});
