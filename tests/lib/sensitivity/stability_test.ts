import assert from "node:assert/strict";
import { parseCandidates } from "../../../lib/format/candidates.ts";
import { candidateName } from "../../../lib/format/plan.ts";
import type { Sensitivity } from "../../../lib/format/sensitivity.ts";
import type { Frame, FrameLayer } from "../../../lib/sensitivity/frame.ts";
import { Means } from "../../../lib/sensitivity/means.ts";
import type { SensitivityRecord } from "../../../lib/sensitivity/record.ts";
import {
  AGREEMENT,
  budgetsOf,
  CHECKPOINTS,
  planAgreement,
  type PlanBudget,
  type Planner,
  RESAMPLES,
  untilStable,
} from "../../../lib/sensitivity/stability.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

function layerOf(name: string, candidates: string, rest: Partial<FrameLayer> = {}): FrameLayer {
  const parsed = parseCandidates(candidates);
  return {
    name,
    operator: "Conv",
    parameters: 100,
    macs: 1000,
    inputElements: 10,
    candidates: parsed,
    weightScores: Object.fromEntries(
      parsed.map(({ weightBits }) => [weightBits, { "weight-error": 4 ** (8 - weightBits) }]),
    ),
    ...rest,
  };
}

/** Two layers of weights alone: which of them gets the narrow width depends on their traces. */
const FRAME: Frame = {
  metric: "hessian-trace",
  metrics: ["weight-error", "hessian-trace"],
  samples: 3,
  layers: [layerOf("first", "8/8,4/8"), layerOf("second", "8/8,4/8")],
};

/** Records of rounds with these traces of the weights of both layers; inputs have none. */
function recordsOf(rounds: readonly (readonly [number, number])[]): SensitivityRecord[] {
  const unit = { chunk: 0, images: 3 };
  return [
    { ...unit, measurement: "activation-error", round: 0, sums: [0, 0] },
    ...rounds.map(([first, second], round) => ({
      ...unit,
      measurement: "hessian-trace",
      round,
      sums: [3 * first, 0, 3 * second, 0],
    })),
  ];
}

/** The layer that loses less by it gets 4 bits, the other 8. */
const narrowOne: Planner = (table, metric) => {
  const losses = table.layers.map(({ candidates }) => candidates.at(-1)!.scores[metric]);
  const narrow = losses[0] <= losses[1] ? 0 : 1;
  const { layers } = table;
  return Promise.resolve(new Map(layers.map(({ name }, i) => [name, i === narrow ? "4/8" : "8/8"])));
};

const repeated = (count: number, round: readonly [number, number]) => Array.from({ length: count }, () => round);

/** Traces around a mean, the same for the same seed. */
function noisy(count: number, [first, second]: readonly [number, number], deviation: number): [number, number][] {
  const random = seededRandom(11);
  return Array.from(
    { length: count },
    () => [first + deviation * random.normal(), second + deviation * random.normal()],
  );
}

Deno.test("rounds that agree end at the first checkpoint, by the rule", async () => {
  const rule = untilStable(narrowOne);
  assert.deepEqual((await rule(FRAME, [])).more, CHECKPOINTS[0]);
  const verdict = await rule(FRAME, recordsOf(repeated(CHECKPOINTS[0], [1, 2])));
  assert.deepEqual(verdict, { more: 0, ending: { endedBy: "stability", agreement: 1 } });
});

Deno.test("rounds go on from checkpoint to checkpoint while resamples give worse plans, up to the limit", async () => {
  const rule = untilStable(narrowOne);
  const traces = noisy(CHECKPOINTS.at(-1)!, [10, 10.5], 5);
  const asked: number[] = [];
  let rounds = 0;
  for (;;) {
    const { more, ending } = await rule(FRAME, recordsOf(traces.slice(0, rounds)));
    if (more === 0) {
      assert.ok(rounds === CHECKPOINTS.at(-1) || ending!.endedBy === "stability");
      assert.equal(ending!.endedBy, ending!.agreement! >= AGREEMENT ? "stability" : "limit");
      break;
    }
    rounds += more;
    asked.push(rounds);
  }
  assert.ok(asked.length > 2, `${asked}`);
  assert.deepEqual(asked, CHECKPOINTS.slice(0, asked.length));
  const doubtful = Array.from({ length: 128 }, (_, i): [number, number] => [i % 2 ? 20 : 0, 10.5]);
  const even = await rule(FRAME, recordsOf(doubtful));
  assert.equal(even.more, 0);
  assert.equal(even.ending!.endedBy, "limit");
  assert.ok(even.ending!.agreement! < AGREEMENT);
});

Deno.test("an interrupted measurement asks for what is missing up to the next checkpoint", async () => {
  const rule = untilStable(narrowOne);
  assert.equal((await rule(FRAME, recordsOf(repeated(5, [1, 2])))).more, 1);
  assert.equal((await rule(FRAME, recordsOf(repeated(13, [1, 2])))).more, 3);
});

Deno.test("plans that differ but cost the same within a hundredth agree", async () => {
  const agreement = (traces: [number, number][]): Promise<number> =>
    planAgreement(FRAME, Means.of(FRAME, recordsOf(traces)), { planner: narrowOne });
  assert.ok(await agreement(noisy(8, [10, 10.5], 5)) < 0.9);
  const alternating = Array.from({ length: 8 }, (_, i): [number, number] => i % 2 ? [10, 10.05] : [10.05, 10]);
  assert.equal(await agreement(alternating), 1);
});

Deno.test("a plan is made once for each different resample, and no more once too few agree", async () => {
  const traces = Array.from({ length: 16 }, (_, i): [number, number] => [i % 2 ? 20 : 0, 10.5]);
  const plans = async (count: number, atLeast: number): Promise<number> => {
    let made = 0;
    const planner: Planner = (...args) => {
      made++;
      return narrowOne(...args);
    };
    const rounds = traces.slice(0, count);
    await planAgreement(FRAME, Means.of(FRAME, recordsOf(rounds)), { planner, atLeast });
    return made;
  };
  assert.ok(await plans(4, 0) <= 1 + 35); // there are 35 ways to draw 4 of 4
  assert.ok(await plans(4, 0) > 10);
  assert.equal(await plans(16, 0), 1 + RESAMPLES);
  assert.ok(await plans(16, AGREEMENT) < 1 + RESAMPLES / 2);
});

Deno.test("negative traces neither end rounds early nor go on for ever: both layers are free then", async () => {
  const verdict = await untilStable(narrowOne)(FRAME, recordsOf(repeated(4, [-3, -5])));
  assert.deepEqual(verdict, { more: 0, ending: { endedBy: "stability", agreement: 1 } });
  const mixed = await untilStable(narrowOne)(FRAME, recordsOf([[-30, 4], [31, 4], [-28, 4], [34, 4]]));
  assert.equal(mixed.more, 2);
});

Deno.test("the agreement is that of the least agreeing metric, and depends on nothing but the rounds", async () => {
  const frame = { ...FRAME, metrics: ["fisher", "hessian-trace"] };
  const fisher = Array.from({ length: 4 }, (_, round) => ({
    measurement: "fisher",
    round,
    chunk: 0,
    images: 3,
    sums: [0, 3, 0, 0, round % 2 === 0 ? 0 : 5, 0], // 8 bits, 4 bits, input at 8 bits of each layer
  }));
  const records = [...recordsOf(repeated(4, [1, 2])), ...fisher];
  const agreement = await planAgreement(frame, Means.of(frame, records), { planner: narrowOne });
  assert.ok(agreement < 1);
  assert.equal(await planAgreement(frame, Means.of(frame, records.toReversed()), { planner: narrowOne }), agreement);
});

Deno.test("budgets are halfway between the narrowest and the widest candidates", () => {
  const layers = [
    layerOf("stem", "8/8,4/8,2/8", { fixed: "8/8", parameters: 50 }),
    layerOf("first", "8/8,4/8,2/8"),
    layerOf("second", "6/8,4/8", { parameters: 300 }),
  ];
  assert.deepEqual(budgetsOf(layers), [{ weightBits: (100 * 5 + 300 * 5) / 400 }]);
  const both = budgetsOf([layers[0], layerOf("first", "8/8,4/8,8/4,2/4", { macs: 10 })]);
  assert.deepEqual(both, [{ weightBits: 5, bops: 64000 + 10 * (64 + 8) / 2 }, { weightBits: 5 }]);
});

Deno.test("where no plan keeps both budgets, weight bits alone count", async () => {
  const frame = { ...FRAME, layers: ["first", "second"].map((name) => layerOf(name, "8/4,4/8")) };
  const seen: PlanBudget[] = [];
  const picky: Planner = (table: Sensitivity, _metric, budget) => {
    seen.push(budget);
    const plan = new Map(table.layers.map(({ name, candidates }) => [name, candidateName(candidates[1])]));
    return Promise.resolve(budget.bops === undefined ? plan : undefined);
  };
  const records = recordsOf(repeated(4, [1, 2])).map((record) =>
    record.measurement === "activation-error" ? { ...record, sums: [0, 0, 0, 0] } : record
  );
  assert.equal(await planAgreement(frame, Means.of(frame, records), { planner: picky }), 1);
  assert.deepEqual(seen.slice(0, 2), [{ weightBits: 6, bops: 64000 }, { weightBits: 6 }]);
});
