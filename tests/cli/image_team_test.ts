import assert from "node:assert/strict";
import { ImageTeam } from "../../cli/image_team.ts";
import type { IntegerNetwork } from "../../lib/format/network.ts";
import { type Backend, createEngine, type IntegerEngine } from "../../lib/runtime/engine.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { EVERY_KIND, randomInput } from "../lib/format/every_kind.ts";

const TIERS = (["wasm", "wasm-strict", "native"] as const).filter((tier) =>
  tier !== "native" || nativeStatus().isAvailable
);
const FAILING = new URL("./failing_assistant.ts", import.meta.url);

function splitEngine(backend: Backend, threads: number, network: IntegerNetwork = EVERY_KIND): IntegerEngine {
  return createEngine(network, backend, "net", { threads, splitLimits: { partWork: 1, share: 0 } });
}

function note(text: string): void {
  assert.fail(text);
}

for (const tier of TIERS) {
  for (const threads of [2, 5]) {
    Deno.test(`${threads} threads compute every image together, ${tier}: the same integers`, async () => {
      const reference = createEngine(EVERY_KIND, "scalar");
      const engine = splitEngine(tier, threads);
      const inputs = Array.from({ length: 20 }, (_, seed) => randomInput(EVERY_KIND, seed));
      const expected = inputs.map((input) => reference.run(input));
      const check = (): void => inputs.forEach((input, i) => assert.deepEqual(engine.run(input), expected[i]));
      check();
      const team = await ImageTeam.start(engine.split!, { note });
      try {
        check();
        await new Promise((resolve) => setTimeout(resolve, 20)); // the others sleep
        check();
        const stored: unknown[] = [];
        assert.deepEqual(engine.run(inputs[0], (step) => void stored.push(step)), expected[0]);
        assert.equal(stored.length, engine.schedule.length);
        check();
      } finally {
        await team?.close();
      }
      check();
    });
  }
}

Deno.test("a thread that does not answer ends the run after a while, and no later run waits for it", async () => {
  const engine = splitEngine("wasm", 2);
  const team = await ImageTeam.start(engine.split!, { module: FAILING, patienceMs: 20, note });
  const run = (): unknown => engine.run(randomInput(EVERY_KIND, 1));
  assert.throws(
    run,
    /another thread that computes parts of images did not answer for 0.02 s; --threads 1 does without/,
  );
  assert.throws(run, /has failed; --threads 1/);
  await team!.close();
});

Deno.test("a thread that fails ends the run at once, and the team says why when it closes", async () => {
  const engine = splitEngine("wasm", 3);
  const team = await ImageTeam.start(engine.split!, { module: FAILING, note });
  assert.throws(() => engine.run(randomInput(EVERY_KIND, 1)), /has failed; --threads 1 does without/);
  await assert.rejects(team!.close(), /out of bounds/);
});

Deno.test({
  name: "where no Worker can be started one thread computes images, and says so",
  permissions: { read: false },
  async fn() {
    const notes: string[] = [];
    const engine = splitEngine("wasm", 3);
    assert.equal(await ImageTeam.start(engine.split!, { note: (text) => void notes.push(text) }), undefined);
    const input = randomInput(EVERY_KIND, 2);
    assert.deepEqual(engine.run(input), createEngine(EVERY_KIND, "scalar").run(input));
    assert.equal(notes.length, 1);
    assert.match(notes[0], /^going on in one thread: Workers could not be started: /);
  },
});
