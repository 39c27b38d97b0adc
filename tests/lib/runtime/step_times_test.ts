import assert from "node:assert/strict";
import { type StampedRun, stepTimer } from "../../../lib/runtime/step_times.ts";

/** Time that only passes by what is done in it; stamps count `rate` for each millisecond. */
function fakeRun(workMs: readonly number[], rate: number) {
  let now = 100;
  const parts: StampedRun = {
    load: () => now += 0.5,
    run: () => {
      now += 0.25; // the call itself
      const stamps = [now, ...workMs.map((ms) => now += ms)];
      return BigUint64Array.from(stamps, (ms) => BigInt(Math.round(ms * rate)));
    },
    read: () => now += 0.125,
  };
  return { parts, clock: () => now };
}

Deno.test("steps get the time of their pieces of work, and all parts together are the whole run", () => {
  const { parts, clock } = fakeRun([1, 2, 4, 8], 3_000_000);
  const time = stepTimer(parts, [1, 0, 2, 1]);
  time([], clock);
  for (let run = 0; run < 3; run++) {
    const start = clock();
    const { input, steps, output } = time([], clock);
    const rounded = steps.map((ms) => Math.round(ms * 1e6) / 1e6);
    assert.deepEqual(rounded, [1, 0, 6, 8]);
    assert.equal(output, 0.125);
    const all = input + output + steps.reduce((sum, ms) => sum + ms, 0);
    assert.ok(Math.abs(all - (clock() - start)) < 1e-9, `${all} of ${clock() - start}`);
    assert.ok(Math.abs(input - 0.75) < 1e-6, "loading, and the call");
  }
});

Deno.test("the first run is measured by the call's own time", () => {
  const { parts, clock } = fakeRun([3, 1], 1000);
  const { input, steps } = stepTimer(parts, [1, 1])([], clock);
  assert.ok(Math.abs(steps[0] / steps[1] - 3) < 1e-9);
  assert.ok(Math.abs(input + steps[0] + steps[1] - 4.75) < 1e-9);
});

Deno.test("a network without work takes no time", () => {
  const { parts, clock } = fakeRun([], 1000);
  assert.deepEqual(stepTimer(parts, [0])([], clock).steps, [0]);
});
