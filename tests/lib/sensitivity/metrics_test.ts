import assert from "node:assert/strict";
import fc from "fast-check";
import type { Metric, OutputMetric, WeightMetric } from "../../../lib/sensitivity/metric.ts";
import { DEFAULT_METRIC, METRICS } from "../../../lib/sensitivity/metrics/mod.ts";
import { Observation } from "../../../lib/sensitivity/observation.ts";

const CLASSES = 5;
const AXIS = { outer: 1, classes: CLASSES, inner: 1 };
const values = fc.float({ min: -50, max: 50, noNaN: true });
const outputs = fc.array(values, { minLength: CLASSES, maxLength: CLASSES }).map((list) => Float32Array.from(list));
const labels = fc.integer({ min: 0, max: CLASSES - 1 });

const outputMetrics = METRICS.filter((metric): metric is OutputMetric => metric.kind === "output");

function metricNamed(name: string): Metric {
  return METRICS.find((metric) => metric.name === name)!;
}

function addendOf(name: string, quantized: number[], float: number[], label?: number): number {
  const axis = { outer: 1, classes: float.length, inner: 1 };
  const [q, f] = [quantized, float].map((output) =>
    new Observation(Float32Array.from(output), axis, label === undefined ? undefined : [label])
  );
  return (metricNamed(name) as OutputMetric).addend(q, f);
}

/** Equal but for logits being float32. */
function isNear(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 1e-7, `${found}, expected ${expected}`);
}

Deno.test("every file in metrics/ is in the list, names are unique, formulas are sentences", () => {
  const directory = new URL("../../../lib/sensitivity/metrics/", import.meta.url);
  const files = Array.from(Deno.readDirSync(directory), ({ name }) => name).filter((name) => name !== "mod.ts");
  assert.deepEqual(METRICS.map(({ name }) => name.replaceAll("-", "_") + ".ts").sort(), files.sort());
  for (const { name, formula } of METRICS) assert.match(formula, /^\S.*\.$/, name);
  assert.equal(DEFAULT_METRIC, "soft-kl");
});

for (const metric of outputMetrics) {
  Deno.test(`${metric.name}: equal outputs add 0, different ones a finite number`, () => {
    fc.assert(fc.property(outputs, outputs, labels, (a, b, label) => {
      const float = new Observation(a, AXIS, [label]);
      assert.equal(metric.addend(new Observation(a.slice(), AXIS, [label]), float), 0);
      assert.ok(Number.isFinite(metric.addend(new Observation(b, AXIS, [label]), float)));
      if (metric.baseline) assert.ok(metric.baseline(float) >= 0);
    }));
  });
}

for (const name of ["kl", "soft-kl", "mse"]) {
  Deno.test(`${name}: no image adds a negative amount, but for the last bits`, () => {
    fc.assert(fc.property(outputs, outputs, (a, b) => {
      assert.ok(addendOf(name, [...b], [...a]) >= -1e-13);
    }));
  });
}

Deno.test("weight-error: equal weights score 0, others the squared distance", () => {
  const { score } = metricNamed("weight-error") as WeightMetric;
  fc.assert(fc.property(outputs, (a) => assert.equal(score(a, a.slice()), 0)));
  assert.equal(score(Float32Array.of(1, 2, 3), Float32Array.of(1, 4, 0)), 13);
});

Deno.test("kl: textbook values, and shifting all logits changes nothing", () => {
  isNear(addendOf("kl", [Math.log(3), 0], [0, 0]), 0.5 * Math.log(0.5 / 0.75) + 0.5 * Math.log(0.5 / 0.25));
  isNear(addendOf("kl", [0, 0], [100, 0]), Math.log(2));
  isNear(addendOf("kl", [12, 10], [7, 5]), 0);
  assert.ok(Number.isFinite(addendOf("kl", [1e30, -1e30], [-1e30, 1e30])));
});

Deno.test("kl of an output with pixels is the mean over pixels of the divergence over channels", () => {
  const kl = metricNamed("kl") as OutputMetric;
  const axis = { outer: 1, classes: 2, inner: 2 };
  const [q, f] = [[Math.log(3), 0, 0, 0], [0, 0, 0, 0]].map((o) => new Observation(Float32Array.from(o), axis));
  isNear(kl.addend(q, f), addendOf("kl", [Math.log(3), 0], [0, 0]) / 2);
});

Deno.test("soft-kl: four times the divergence of halved logits", () => {
  for (const [quantized, float] of [[[2 * Math.log(3), 0], [0, 0]], [[-3, 1, 4], [2, 0, -6]]]) {
    const [q, f] = [quantized, float].map((output) => output.map((logit) => logit / 2));
    isNear(addendOf("soft-kl", quantized, float), 4 * addendOf("kl", q, f));
  }
});

Deno.test("mse: mean of squared differences", () => {
  assert.equal(addendOf("mse", [1, 2], [4, 2]), 4.5);
});

Deno.test("loss: cross-entropy above the float network's, negative where it is below", () => {
  isNear(addendOf("loss", [0, 0], [Math.log(3), 0], 0), Math.log(2) - Math.log(4 / 3));
  isNear(addendOf("loss", [Math.log(3), 0], [0, 0], 0), Math.log(4 / 3) - Math.log(2));
});

Deno.test("accuracy: 1 for an answer lost, -1 for one won; of equal logits the first is the answer", () => {
  assert.equal(addendOf("accuracy", [0, 1], [1, 0], 0), 1);
  assert.equal(addendOf("accuracy", [1, 0], [0, 1], 0), -1);
  assert.equal(addendOf("accuracy", [2, 2], [1, 0], 0), 0);
  assert.equal(addendOf("accuracy", [2, 2], [0, 1], 1), 1);
});

Deno.test("loss and accuracy of tokens are means over those that follow", () => {
  const tokens = { outer: 2, classes: 3, inner: 1 };
  const observe = (...logits: number[]) => new Observation(Float32Array.from(logits), tokens, [2, 0]);
  const float = observe(0, 0, Math.log(2), Math.log(2), 0, 0);
  assert.ok(Math.abs(float.crossEntropy - Math.log(2)) < 1e-6);
  assert.equal(float.correctShare, 1);
  const quantized = observe(Math.log(2), 0, 0, Math.log(2), 0, 0);
  assert.ok(Math.abs(quantized.crossEntropy - 1.5 * Math.log(2)) < 1e-6);
  assert.equal(quantized.correctShare, 0.5);
});
