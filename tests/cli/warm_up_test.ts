import assert from "node:assert/strict";
import { type Patience, warmedUp } from "../../cli/warm_up.ts";

const IMPATIENT: Patience = { lateMs: 0, limitMs: 60_000 };

async function* framesAfter(ready: Promise<unknown>): AsyncGenerator<number, void> {
  await ready;
  yield* [1, 2, 3];
}

Deno.test("work is done while the first frame is late, and no longer; frames stay the same", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const work = (): void => {
    if (++runs === 3) resolve();
  };
  assert.deepEqual(await Array.fromAsync(warmedUp(framesAfter(promise), work, IMPATIENT)), [1, 2, 3]);
  assert.equal(runs, 3);
});

Deno.test("frames that are ready are not kept waiting", async () => {
  const work = () => assert.fail("work was done");
  const patience = { lateMs: 60_000, limitMs: 60_000 };
  assert.deepEqual(await Array.fromAsync(warmedUp(framesAfter(Promise.resolve()), work, patience)), [1, 2, 3]);
});

Deno.test("work ends at its limit though no frame has come", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const frames = warmedUp(framesAfter(promise), () => void runs++, { lateMs: 0, limitMs: 0 });
  const first = frames.next();
  setTimeout(resolve, 5);
  assert.equal((await first).value, 1);
  assert.equal(runs, 0);
});

Deno.test("an error of the frames or of the work comes out, and frames are closed where nobody reads on", async () => {
  const refused = framesAfter(Promise.reject(new RangeError("cut")));
  await assert.rejects(Array.fromAsync(warmedUp(refused, () => {}, IMPATIENT)), /cut/);
  let isClosed = false;
  async function* frames(): AsyncGenerator<number, void> {
    try {
      yield* [1, 2];
    } finally {
      isClosed = await Promise.resolve(true);
    }
  }
  for await (const frame of warmedUp(frames(), () => {}, IMPATIENT)) {
    assert.equal(frame, 1);
    break;
  }
  assert.ok(isClosed);
});
