import assert from "node:assert/strict";
import { parseCandidates } from "../../../lib/format/candidates.ts";
import { type CandidateBits, candidateName, parseCandidateName } from "../../../lib/format/plan.ts";
import { type MeasureRequest, measureSensitivity } from "../../../lib/sensitivity/measure.ts";
import { trialKey, trialsOf } from "../../../lib/sensitivity/trials.ts";
import { expectRejection } from "../format/expect_error.ts";
import { bruteForce, calibration, dataset, graph, quantizedLayer } from "./brute_force.ts";
import type { Quantized } from "./tiny_network.ts";

const PLAN: Readonly<Record<string, string>> = {
  stem: "8/8",
  first: "4/3",
  second: "3/4",
  shortcut: "2/8",
  classifier: "8/8",
};
const at = new Map(Object.entries(PLAN).map(([name, bits]) => [name, parseCandidateName(bits)!]));

const REQUEST: MeasureRequest = {
  graph,
  calibration,
  dataset,
  candidates: parseCandidates("8/8,4/8,3/3,2/4"),
  weightMethod: "mse",
  metrics: ["soft-kl", "kl", "mse"],
  at,
};

/** The whole network at the plan, with one layer at other bits. */
function changes(layer: string, bits: CandidateBits): Record<string, Quantized> {
  return Object.assign(
    {},
    ...Array.from(at, ([name, planned]) => {
      const { weightBits, activationBits } = name === layer ? bits : planned;
      return quantizedLayer(name, weightBits, activationBits);
    }),
  );
}

Deno.test("at a plan a candidate scores what the whole network loses beyond the layer's best candidate", async () => {
  const { layers } = await measureSensitivity(REQUEST);
  for (const { name, at, alone, candidates } of layers) {
    assert.equal(at, PLAN[name]);
    assert.equal(alone, undefined);
    const expected = candidates.map((bits) => bruteForce(changes(name, bits)));
    for (const metric of ["soft-kl", "kl", "mse"]) {
      const least = Math.min(...expected.map((scores) => scores[metric]));
      candidates.forEach((candidate, i) => {
        const [found, wanted] = [candidate.scores[metric], expected[i][metric] - least];
        const where = `${name} at ${candidateName(candidate)}: ${metric}`;
        assert.ok(Math.abs(found - wanted) <= 1e-5 + 1e-3 * expected[i][metric], `${where} ${found}, not ${wanted}`);
      });
      assert.ok(candidates.some(({ scores }) => scores[metric] === 0), `${name}: no least ${metric}`);
    }
    assert.deepEqual(Object.keys(candidates[0].scores), ["soft-kl", "kl", "mse"]);
  }
});

Deno.test("layers know of each other at a plan only: the order of candidates may differ from that in a float network", async () => {
  const [float, planned] = [
    await measureSensitivity({ ...REQUEST, at: undefined }),
    await measureSensitivity(REQUEST),
  ];
  const scores = (table: typeof float) =>
    table.layers.map(({ candidates }) => candidates.map(({ scores }) => scores.kl));
  assert.notDeepEqual(scores(float), scores(planned));
  assert.ok(float.layers.every(({ at, alone }) => at === undefined && alone !== undefined));
});

Deno.test("no half is run alone at a plan", () => {
  const candidates = parseCandidates("8/8,4/8,4/4");
  assert.deepEqual(trialsOf({ at: "4/4", candidates }).map(trialKey), ["8/8", "4/8", "4/4"]);
});

Deno.test("what has nothing to say of a plan is refused, and a plan that leaves out a layer", async () => {
  for (const metric of ["weight-error", "fisher", "hessian-trace"]) {
    await expectRejection(
      "usage",
      measureSensitivity({ ...REQUEST, metrics: [metric] }),
      `the metric "${metric}" is of the float network`,
    );
  }
  const lacking = new Map([...at].filter(([name]) => name !== "second"));
  await expectRejection("input", measureSensitivity({ ...REQUEST, at: lacking }), 'no bits to the layer "second"');
  const { layers } = await measureSensitivity({ ...REQUEST, metrics: undefined });
  assert.ok(!Object.hasOwn(layers[0].candidates[0].scores, "weight-error"));
});
