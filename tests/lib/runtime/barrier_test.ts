import assert from "node:assert/strict";
import { awaitPhase, createBarrier, endBarrier, finishPhase, stateOf } from "../../../lib/runtime/barrier.ts";

const eager = () => ({ times: 1000 });

Deno.test("a phase waits for all other threads, not for the thread itself", () => {
  const barrier = createBarrier([-1, 0, 0]);
  assert.equal(awaitPhase(barrier, 0, 0, eager(), 1), true);
  finishPhase(barrier, 1, 3);
  assert.equal(awaitPhase(barrier, 0, 1, eager(), 1), false, "thread 2 is at phase 0");
  finishPhase(barrier, 2, 1);
  assert.equal(awaitPhase(barrier, 0, 1, eager(), 1), true);
  assert.equal(awaitPhase(barrier, 0, 2, eager(), 1), false);
});

Deno.test("phases are counted beyond the largest integer of 32 bits", () => {
  const high = 2 ** 31 - 1;
  const barrier = createBarrier([high, high - 1]);
  assert.equal(awaitPhase(barrier, 0, high, eager(), 1), false);
  finishPhase(barrier, 1, high);
  assert.equal(awaitPhase(barrier, 0, high, eager(), 1), true);
  assert.equal(awaitPhase(barrier, 0, high + 1, eager(), 1), false);
  finishPhase(barrier, 1, high + 1);
  assert.equal(awaitPhase(barrier, 0, high + 1, eager(), 1), true);
  assert.equal(awaitPhase(barrier, 0, high + 2, eager(), 1), false);
});

Deno.test("nobody waits at a barrier that has ended, and the first end stays", () => {
  const barrier = createBarrier([0, 0]);
  assert.equal(stateOf(barrier), "open");
  endBarrier(barrier, "failed");
  assert.equal(awaitPhase(barrier, 0, 1, eager()), false);
  endBarrier(barrier, "closed");
  assert.equal(stateOf(barrier), "failed");
});

Deno.test("looking in vain makes a thread impatient, and looking with success patient again", () => {
  const barrier = createBarrier([0, 0]);
  const impatience = { times: 0 };
  awaitPhase(barrier, 0, 1, impatience, 1);
  awaitPhase(barrier, 0, 1, impatience, 1);
  assert.equal(impatience.times, 2);
  awaitPhase(barrier, 0, 0, impatience, 1);
  assert.equal(impatience.times, 2, "nothing had to be looked for");
});
