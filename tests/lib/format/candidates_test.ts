import assert from "node:assert/strict";
import { DEFAULT_CANDIDATES, parseCandidates, withEndCandidate } from "../../../lib/format/candidates.ts";
import { candidateName } from "../../../lib/format/plan.ts";
import { expectError } from "./expect_error.ts";

Deno.test("candidates are read in their order, and one width stands for both", () => {
  assert.deepEqual(parseCandidates("4/8, 3,8/2"), [
    { weightBits: 4, activationBits: 8 },
    { weightBits: 3, activationBits: 3 },
    { weightBits: 8, activationBits: 2 },
  ]);
  assert.deepEqual(parseCandidates("codes1,codes4/4"), [
    { weightBits: 1, weightFormat: "codes", activationBits: 8 },
    { weightBits: 4, weightFormat: "codes", activationBits: 4 },
  ]);
  assert.equal(parseCandidates(DEFAULT_CANDIDATES).map(candidateName).join(), DEFAULT_CANDIDATES);
});

for (
  const [text, message] of [
    ["8/8,x", /"x", expected weight bits \/ activation bits, like "4\/8" or "codes3\/8": 2 to 8 of each/],
    ["1/8", /"1\/8"/],
    ["8/9", /"8\/9"/],
    ["codes5/8", /"codes5\/8"/],
    ["codes2/1", /"codes2\/1"/],
    ["codes/8", /"codes\/8"/],
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
