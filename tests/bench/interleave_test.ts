import assert from "node:assert/strict";
import { interleave } from "./interleave.ts";

const SAMPLING = { samples: [9, 3], budgetMs: 1e9, sampleMs: 4, warmUpMs: 10 } as const;

Deno.test("contestants are timed in turn, short ones several runs at a time, and summarized per run", async () => {
  const turns: string[] = [];
  const contestant = (name: string, ms: number) => ({
    name,
    run(runs: number) {
      turns.push(name);
      return runs * ms;
    },
  });
  const times = await interleave([contestant("slow", 8), contestant("fast", 1)], SAMPLING);
  assert.deepEqual(times.get("slow"), { median: 8, low: 8, high: 8, samples: 9 });
  assert.deepEqual(times.get("fast"), { median: 1, low: 1, high: 1, samples: 9 });
  assert.deepEqual(turns.slice(-6), ["slow", "fast", "fast", "slow", "slow", "fast"]);
});

Deno.test("where the budget is short, samples are fewer, but never less than the least", async () => {
  const contestant = { name: "only", run: (runs: number) => runs * 10 };
  const samples = async (budgetMs: number) => {
    const times = await interleave([contestant], { ...SAMPLING, budgetMs });
    return times.get("only")!.samples;
  };
  assert.equal(await samples(50), 5);
  assert.equal(await samples(0), 3);
});
