import assert from "node:assert/strict";
import loadHighs from "highs";
import type { Highs, InitOptions } from "highs";
import highsBytes from "highs/runtime" with { type: "bytes" };
import { makePlan } from "../../../lib/plan/plan.ts";
import { NETWORK, tables } from "./tables.ts";

const GOLDEN = String.raw`
\ The bits of 4 layers with the least sum of score
\
\ stem
\   x1_stem_w8a8: 8/8
\ block.conv, tied with block.shortcut
\   x2_block.conv_w8a8: 8/8
\   x2_block.conv_w4a4: 4/4
\   x2_block.conv_w2a4: 2/4
\ fc
\   x3_fc_w8a8: 8/8
\   x3_fc_w4a8: 4/8
\   x3_fc_w4a4: 4/4

Minimize
 score:
  + 0 x1_stem_w8a8
  + 0.03 x2_block.conv_w8a8 + 0.6 x2_block.conv_w4a4 + 4 x2_block.conv_w2a4
  + 0.001 x3_fc_w8a8 + 0.3 x3_fc_w4a8 + 0.4 x3_fc_w4a4

Subject To
 one_1: x1_stem_w8a8 = 1
 one_2: x2_block.conv_w8a8 + x2_block.conv_w4a4 + x2_block.conv_w2a4 = 1
 one_3: x3_fc_w8a8 + x3_fc_w4a8 + x3_fc_w4a4 = 1
\ size at most 90%: 3150 bytes
 size:
  + 400 x1_stem_w8a8
  + 2100 x2_block.conv_w8a8 + 1050 x2_block.conv_w4a4 + 525 x2_block.conv_w2a4
  + 1000 x3_fc_w8a8 + 500 x3_fc_w4a8 + 500 x3_fc_w4a4
  <= 3150
\ latency at most 1.8ms: 1.8 ms, less 0.25 ms outside the layers
 latency:
  + 0.5 x1_stem_w8a8
  + 0.9 x2_block.conv_w8a8 + 0.45 x2_block.conv_w4a4 + 0.4 x2_block.conv_w2a4
  + 0.2 x3_fc_w8a8 + 0.15 x3_fc_w4a8 + 0.1 x3_fc_w4a4
  <= 1.55
\ weight-bits at most 6.5: 6.5 bits per weight, times 3100 weights that are not fixed
 weight_bits:
  + 0 x1_stem_w8a8
  + 16800 x2_block.conv_w8a8 + 8400 x2_block.conv_w4a4 + 4200 x2_block.conv_w2a4
  + 8000 x3_fc_w8a8 + 4000 x3_fc_w4a8 + 4000 x3_fc_w4a4
  <= 20150

Binary
 x1_stem_w8a8
 x2_block.conv_w8a8 x2_block.conv_w4a4 x2_block.conv_w2a4
 x3_fc_w8a8 x3_fc_w4a8 x3_fc_w4a4

End
`.slice(1);

const LIMITS = { size: "90%", latency: "1.8ms", "weight-bits": "6.5" };

/** A solver of its own, with presolve and all defaults, as a person would run it on the file. */
async function solveText(text: string): Promise<{ objective: number; chosen: Set<string> }> {
  const module = await WebAssembly.compile(highsBytes);
  const instantiateWasm = (imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void) => {
    receive(new WebAssembly.Instance(module, imports));
    return {};
  };
  type Loader = (options: InitOptions & { instantiateWasm: unknown }) => Promise<Highs>;
  const load = loadHighs as unknown as Loader; // its types describe its CommonJS build, one level deeper
  const solution = (await load({ instantiateWasm })).solve(text, { output_flag: false });
  assert.equal(solution.Status, "Optimal");
  const chosen = Object.entries(solution.Columns).flatMap(([name, column]) =>
    (column as { Primal: number }).Primal > 0.5 ? [name] : []
  );
  return { objective: solution.ObjectiveValue, chosen: new Set(chosen) };
}

Deno.test("the LP text of a small problem", async () => {
  const { sensitivity, latency } = tables(NETWORK, 0.25);
  assert.equal((await makePlan(sensitivity, latency, { limits: LIMITS })).lpText, GOLDEN);
});

Deno.test("a solver that reads the LP text finds the plan", async () => {
  const { sensitivity, latency } = tables(NETWORK, 0.25);
  const { plan, lpText } = await makePlan(sensitivity, latency, { limits: LIMITS });
  const { objective, chosen } = await solveText(lpText);
  assert.ok(Math.abs(objective - plan.objective!) < 1e-9);
  const [stem, conv, , fc] = plan.layers.map(({ weightBits, activationBits }) => `w${weightBits}a${activationBits}`);
  assert.deepEqual(chosen, new Set([`x1_stem_${stem}`, `x2_block.conv_${conv}`, `x3_fc_${fc}`]));
});

Deno.test("layer names of any kind give LP names", async () => {
  const rows = ["/a/Conv:0", "/a/Conv;0", "3e5", "\\ end\nEnd", "x".repeat(300), "größe"].map((name, i) => ({
    ...NETWORK[3],
    name,
    parameters: 1000 + i,
  }));
  const { sensitivity } = tables(rows);
  const { plan, lpText } = await makePlan(sensitivity, undefined, { limits: { size: "70%" } });
  assert.ok(Math.abs((await solveText(lpText)).objective - plan.objective!) < 1e-9);
});
