import assert from "node:assert/strict";
import type { Sensitivity } from "../../../lib/format/sensitivity.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { completeMetrics, predictedLoss } from "../../../lib/plan/prediction.ts";
import { NETWORK, tables } from "./tables.ts";

const { sensitivity } = tables(NETWORK);

Deno.test("the predicted loss of a plan is its objective, decimals and all", async () => {
  const { plan } = await makePlan(sensitivity, undefined, { limits: { size: "70%" } });
  assert.equal(predictedLoss(sensitivity, plan, "score"), plan.objective);
  assert.throws(() => predictedLoss(sensitivity, plan, "kl"), /layer "stem" has no score "kl"/);
  assert.throws(() => predictedLoss(sensitivity, { layers: [] }, "score"), RangeError);
});

Deno.test("complete metrics are the columns that no candidate lacks", () => {
  const candidate = (weightBits: number, scores: Record<string, number>) => ({ weightBits, activationBits: 8, scores });
  const table: Sensitivity = {
    metric: "kl",
    layers: [
      { name: "a", parameters: 1, macs: 1, candidates: [candidate(8, { mse: 1, kl: 1, loss: 0 })] },
      {
        name: "b",
        parameters: 1,
        macs: 1,
        candidates: [candidate(8, { kl: 1, mse: 2 }), candidate(4, { kl: 1, mse: 2 })],
      },
    ],
  };
  assert.deepEqual(completeMetrics(table), ["mse", "kl"]);
});
