import assert from "node:assert/strict";
import { additivityChart } from "../../../cli/plan/charts.ts";

Deno.test("ticks are labelled as people write numbers", async () => {
  const sums = [0.5, 2, 4.5, 8, 9.1];
  const plans = sums.map((sum, i) => ({
    bits: ["8/8"],
    predicted: { "weight-error": sum },
    measured: { kl: 0.001 * (i + 1), samples: 8 },
  }));
  const metrics = [{ metric: "weight-error", rSquared: 0.5, rankCorrelation: null }];
  const svg = await additivityChart({ loss: "kl", metrics, layers: ["conv"], plans });
  assert.match(svg, />10</);
  assert.doesNotMatch(svg, />[0-9.]+e[+-]?[0-9]+</);
  assert.match(svg, />R² 0.500, rank correlation none</);
});
