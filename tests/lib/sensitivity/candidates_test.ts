import assert from "node:assert/strict";
import fc from "fast-check";
import { candidateName } from "../../../lib/format/plan.ts";
import { DEFAULT_CANDIDATES, parseCandidates, withEndCandidate } from "../../../lib/sensitivity/candidates.ts";
import { effectiveTrial, type Trial, trialKey, trialsOf } from "../../../lib/sensitivity/trials.ts";
import { expectError } from "../format/expect_error.ts";

const widths = fc.integer({ min: 2, max: 8 });
const candidateLists = fc.uniqueArray(fc.record({ weightBits: widths, activationBits: widths }), {
  minLength: 1,
  selector: candidateName,
});

Deno.test("candidates are read in their order, and one width stands for both", () => {
  assert.deepEqual(parseCandidates("4/8, 3,8/2"), [
    { weightBits: 4, activationBits: 8 },
    { weightBits: 3, activationBits: 3 },
    { weightBits: 8, activationBits: 2 },
  ]);
  assert.equal(parseCandidates(DEFAULT_CANDIDATES).map(candidateName).join(), DEFAULT_CANDIDATES);
});

for (
  const [text, message] of [
    ["8/8,x", /"x", expected weight bits \/ activation bits, each 2 to 8, like "4\/8"/],
    ["1/8", /"1\/8"/],
    ["8/9", /"8\/9"/],
    ["", /""/],
    ["4,8/8,4/4", /4\/4 twice/],
  ] as const
) {
  Deno.test(`candidates ${JSON.stringify(text)} are a usage error`, () => {
    expectError("usage", () => parseCandidates(text), message);
  });
}

Deno.test("the ends of the network get 8/8 once, in front where it is missing", () => {
  const names = (text: string) => withEndCandidate(parseCandidates(text)).map(candidateName).join();
  assert.equal(names("4/4,2/2"), "8/8,4/4,2/2");
  assert.equal(names("4/4,8/8"), "4/4,8/8");
});

Deno.test("every trial is run once, and every half and pair finds its run", () => {
  fc.assert(fc.property(candidateLists, fc.boolean(), (candidates, hasPixels) => {
    const layer = { candidates, exactActivationBits: hasPixels ? 8 : undefined };
    const keys = trialsOf(layer).map(trialKey);
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(!keys.includes("float/float"));
    const wanted = candidates.flatMap(({ weightBits, activationBits }): Trial[] => [
      { weightBits },
      { activationBits },
      { weightBits, activationBits },
    ]);
    for (const trial of wanted) {
      const key = trialKey(effectiveTrial(trial, layer));
      assert.ok(keys.includes(key) || key === "float/float", key);
    }
    if (!hasPixels) {
      const distinct = (key: "weightBits" | "activationBits") => new Set(candidates.map((c) => c[key])).size;
      assert.equal(keys.length, distinct("weightBits") + distinct("activationBits") + candidates.length);
    }
  }));
});

Deno.test("exact activations cost no run: of 8/8 and 4/8 only the weights are tried", () => {
  const trials = trialsOf({ candidates: parseCandidates("8/8,4/8"), exactActivationBits: 8 });
  assert.deepEqual(trials.map(trialKey), ["8/float", "4/float"]);
});
