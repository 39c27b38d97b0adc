import assert from "node:assert/strict";
import { Pace, type Way } from "../../../lib/runtime/pace.ts";

/** How many of so many images are computed together, of what costs so much in each way. */
function imagesTogether(pace: Pace, images: number, cost: Readonly<Record<Way, number>>, isInVain: boolean): number {
  let together = 0;
  for (let i = 0; i < images; i++) {
    const way = pace.next();
    if (way === "together") together++;
    pace.record(cost[way], isInVain && way === "together");
  }
  return together;
}

const FASTER = { together: 5, alone: 9 };
const SLOWER = { together: 70, alone: 9 };

Deno.test("images are computed together where that is faster: seldom alone to see that it is", () => {
  const together = imagesTogether(new Pace(), 10_000, FASTER, false);
  assert.ok(together > 9800 && together < 10_000);
});

Deno.test("images are computed alone where that is faster, together ever more seldom to see whether it still is", () => {
  const pace = new Pace();
  assert.equal(imagesTogether(pace, 8, SLOWER, true), 4);
  const together = imagesTogether(pace, 10_000, SLOWER, true);
  assert.ok(together > 20 && together < 50);
});

Deno.test("where waiting was in vain but still faster, comparisons become rare", () => {
  assert.ok(imagesTogether(new Pace(), 10_000, FASTER, true) > 9800);
});

Deno.test("what is faster changes with what else the machine does", () => {
  const pace = new Pace();
  imagesTogether(pace, 1000, FASTER, false);
  assert.ok(imagesTogether(pace, 1000, SLOWER, true) < 50);
  assert.ok(imagesTogether(pace, 3000, FASTER, false) > 2000);
});

Deno.test("a way that is a little slower is tried again soon: code becomes faster while it runs", () => {
  const pace = new Pace();
  const together = imagesTogether(pace, 1000, { together: 11, alone: 9 }, false);
  assert.ok(together > 100 && together < 250);
  assert.ok(imagesTogether(pace, 40, FASTER, false) > 15);
});
