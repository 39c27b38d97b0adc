import assert from "node:assert/strict";
import fc from "fast-check";
import { type Lifetime, type MemoryPlan, planMemory } from "../../../lib/tensor/memory_plan.ts";

/** Kernels may read this much beyond a tensor. */
const SLACK = 64;

const lifetimes: fc.Arbitrary<Lifetime[]> = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(12), span: fc.nat(5) }),
  { maxLength: 24 },
).map((items) => items.map(({ bytes, first, span }, i) => ({ name: `t${i}`, bytes, first, last: first + span })));

function assertApart(items: readonly Lifetime[], { offsets, arenaBytes }: MemoryPlan): void {
  const placed = items.map((item) => ({ ...item, offset: offsets.get(item.name)! }));
  for (const a of placed) {
    assert.equal(a.offset % 64, 0, `${a.name} is aligned for vectors`);
    assert.ok(a.offset >= 0 && a.offset + a.bytes + SLACK <= arenaBytes, `${a.name} lies in the arena`);
    for (const b of placed) {
      if (a === b || a.last < b.first || b.last < a.first || a.offset > b.offset) continue;
      assert.ok(a.offset + a.bytes + SLACK <= b.offset, `${a.name} and ${b.name} are alive together and overlap`);
    }
  }
}

Deno.test("tensors that are alive together lie apart, with room to read beyond each", () => {
  fc.assert(fc.property(lifetimes, (items) => assertApart(items, planMemory(items))), { numRuns: 500 });
});

Deno.test("the lower bound is the most bytes alive at one step", () => {
  fc.assert(fc.property(lifetimes, (items) => {
    const { lowerBound, arenaBytes } = planMemory(items);
    const alive = Array.from(
      { length: 20 },
      (_, step) =>
        items.filter(({ first, last }) => first <= step && step <= last).reduce((sum, { bytes }) => sum + bytes, 0),
    );
    assert.equal(lowerBound, Math.max(...alive));
    assert.ok(arenaBytes >= lowerBound);
  }));
});

Deno.test("tensors of a chain share two places, whatever their order in the list", () => {
  const chain = Array.from({ length: 8 }, (_, i) => ({ name: `t${i}`, bytes: 640, first: i, last: i + 1 }));
  for (const items of [chain, chain.toReversed()]) {
    assert.equal(new Set(planMemory(items).offsets.values()).size, 2);
  }
  assert.equal(planMemory([]).arenaBytes, 0);
});
