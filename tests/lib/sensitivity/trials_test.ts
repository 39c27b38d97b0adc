import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCandidates } from "../../../lib/format/candidates.ts";
import { candidateName, parseCandidateName } from "../../../lib/format/plan.ts";
import { effectiveTrial, type Trial, trialKey, trialOf, trialsOf } from "../../../lib/sensitivity/trials.ts";

const widths = fc.integer({ min: 2, max: 8 });
const formats = fc.oneof(widths.map(String), fc.integer({ min: 1, max: 4 }).map((bits) => `codes${bits}`));
const candidateLists = fc.uniqueArray(
  fc.tuple(formats, formats).map((halves) => parseCandidateName(halves.join("/"))!),
  { minLength: 1, selector: candidateName },
);

Deno.test("every trial is run once, and every half and pair finds its run", () => {
  fc.assert(fc.property(candidateLists, fc.boolean(), (candidates, hasPixels) => {
    const layer = { candidates, exactActivationBits: hasPixels ? 8 : undefined };
    const keys = trialsOf(layer).map(trialKey);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(!keys.includes("float/float"));
    const wanted = candidates.map(trialOf).flatMap(({ weights, activations }): Trial[] => [
      { weights },
      { activations },
      { weights, activations },
    ]);
    for (const trial of wanted) {
      const key = trialKey(effectiveTrial(trial, layer));
      assert.ok(keys.includes(key) || key === "float/float", key);
    }
    if (!hasPixels) {
      const distinct = (key: keyof Trial) => new Set(candidates.map((candidate) => trialOf(candidate)[key])).size;
      assert.equal(keys.length, distinct("weights") + distinct("activations") + candidates.length);
    }
  }));
});

Deno.test("exact activations cost no run: of 8/8 and 4/8 only the weights are tried", () => {
  const trials = trialsOf({ candidates: parseCandidates("8/8,4/8"), exactActivationBits: 8 });
  assert.deepEqual(trials.map(trialKey), ["8/float", "4/float"]);
});
