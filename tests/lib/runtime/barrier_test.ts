import assert from "node:assert/strict";
import { awaitPhase, createBarrier, endBarrier, finishPhase, stateOf } from "../../../lib/runtime/barrier.ts";

const eager = () => ({ inRow: 1000, total: 0 });

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
  assert.equal(awaitPhase(barrier, 0, 0, eager()), false, "nor does anybody go on");
});

Deno.test("looking in vain is counted, and having nothing to look for is not", () => {
  const barrier = createBarrier([0, 0]);
  const vain = { inRow: 0, total: 0 };
  awaitPhase(barrier, 0, 1, vain, 1);
  awaitPhase(barrier, 0, 1, vain, 1);
  awaitPhase(barrier, 0, 0, vain, 1);
  assert.deepEqual(vain, { inRow: 2, total: 2 });
});
