import assert from "node:assert/strict";
import { activationQuantization } from "../../../../lib/arith/quantization.ts";
import { fakeQuantize } from "../../../../lib/arith/fake_quantization.ts";
import { rangeOf } from "../../../../lib/format/calibration.ts";
import { parseCandidates } from "../../../../lib/format/candidates.ts";
import { layersOf } from "../../../../lib/ops/layers.ts";
import { measureSensitivity } from "../../../../lib/sensitivity/measure.ts";
import { activation_error, inputErrorQuantity } from "../../../../lib/sensitivity/measurements/activation_error.ts";
import type { SensitivityRecord } from "../../../../lib/sensitivity/record.ts";
import { calibrationOf, canonicalGraph, evaluate, TINY, tinyDataset } from "../tiny_network.ts";

Deno.test("the squared error of every layer's input at every width, also where layers read the same value", async () => {
  const graph = canonicalGraph(TINY);
  const dataset = tinyDataset(5);
  const calibration = calibrationOf(graph, dataset);
  const records: SensitivityRecord[] = [];
  await measureSensitivity({
    graph,
    calibration,
    dataset,
    candidates: parseCandidates("8/8,4/4,2/3"),
    biasCorrection: false,
    metric: "hessian-trace",
    metrics: [],
    probes: 1,
  }, { onRecord: (record) => records.push(record) });
  const { sums } = records.find(({ measurement }) => measurement === activation_error.name)!;
  const expected = layersOf(graph).flatMap(({ name, node: { inputs: [input] } }) =>
    [8, 4, 3].map((bits) => {
      const q = activationQuantization(rangeOf(calibration, input, "min-max", bits), bits);
      let sum = 0;
      for (let i = 0; i < dataset.count; i++) {
        const { data } = evaluate(graph, dataset.sample(i)).get(input)!;
        const rounded = data.slice();
        fakeQuantize(rounded, q);
        data.forEach((value, e) => sum += (value - rounded[e]) ** 2);
      }
      return { what: `${name}: ${inputErrorQuantity(String(bits))}`, sum };
    })
  );
  assert.equal(sums.length, expected.length);
  expected.forEach(({ what, sum }, i) => {
    assert.ok(sum > 0 && Math.abs(sums[i] - sum) <= 1e-4 * sum, `${what}: ${sums[i]}, not ${sum}`);
  });
});
