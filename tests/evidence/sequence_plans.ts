/**
 * Bits of the language model's matrices by the integer linear program: among weights of 8, 6, 4, 3 and 2 bits and codes of
 * 4, 3 and 2, activations at 8 bits, for several averages; perplexity of the integers over the test tokens as one stream,
 * beside all layers at 3 bits and at 2, 3 and 4 codes. By the commands of the README:
 *
 *     deno run -A tests/evidence/sequence_plans.ts [--samples 800]
 *
 * --samples is how many stretches of 50 tokens of the test split are run. Exits 1 unless the plan of 3 bits has a lower
 * perplexity than all layers at 3 bits, and each plan one no higher than that of fewer bits.
 */
import { parseArgs } from "node:util";
import type { RunSummary } from "../../cli/commands/run.ts";
import { numeric } from "../../cli/report.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { PlanCodec, weightFormatName } from "../../lib/format/plan.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { dyad, dyadReport, testdata } from "./commands.ts";

/** Bits per weight on average; the bar is on that of `UNIFORM`. */
const AVERAGES = [2.5, 3, 3.5, 4];
const UNIFORM = 3;
const CANDIDATES = ["8", "6", "4", "3", "2", "codes4", "codes3", "codes2"].map((weights) => `${weights}/8`).join();
const MODEL = [testdata("models/lstm_lm.onnx"), "--input-shape", "ids=50x1"];
const VALIDATION = ["--data", testdata("data/lm/valid.ids.txt"), "--limit", "16"];

const { values } = parseArgs({ args: Deno.args, options: { samples: { type: "string", default: "800" } } });
const folder = Deno.makeTempDirSync();
const at = (name: string): string => `${folder}/${name}.json`;

async function perplexityOf(...bits: string[]): Promise<number> {
  await dyad("quantize", ...MODEL, "--calibration", at("calibration"), ...bits, "-o", at("network"));
  const data = ["--data", testdata("data/lm/test.ids.txt"), "--limit", values.samples];
  const { perplexity } = await dyadReport("run", at("network"), ...data) as RunSummary; // what run prints
  return perplexity!;
}

interface Row {
  readonly weights: string;
  readonly average?: number;
  readonly perplexity: number;
  readonly layers?: string;
}

await withProgress("calibrating", () => dyad("calibrate", ...MODEL, ...VALIDATION, "-o", at("calibration")));
await withProgress("measuring sensitivity", () =>
  dyad(
    ...["sensitivity", ...MODEL, "--calibration", at("calibration"), ...VALIDATION],
    ...["--candidates", CANDIDATES, "--free-ends", "-o", at("sensitivity")],
  ));
const uniform = await withProgress("running uniform networks", async (): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const bits of [`${UNIFORM}/8`, "codes2/8", "codes3/8", "codes4/8"]) {
    rows.push({ weights: `all ${bits}`, perplexity: await perplexityOf("--bits", bits, "--ends", bits) });
  }
  return rows;
});
const plans = await withProgress("running plans", async (): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const average of AVERAGES) {
    await dyad("plan", at("sensitivity"), "--max-weight-bits", String(average), "-o", at("plan"));
    const { layers } = decodeArtefact(PlanCodec, Deno.readTextFileSync(at("plan")), "plan");
    rows.push({
      weights: `plan, at most ${average} bits on average`,
      average,
      perplexity: await perplexityOf("--plan", at("plan")),
      layers: layers.map((layer) => `${layer.name} ${weightFormatName(layer)}`).join(", "),
    });
  }
  return rows;
});
const float = await dyadReport(
  ...["run", ...MODEL, "--data", testdata("data/lm/test.ids.txt"), "--limit", values.samples],
) as RunSummary; // what run prints
Deno.removeSync(folder, { recursive: true });

const held = plans.map(({ average, perplexity }, i) =>
  average === UNIFORM ? perplexity < uniform[0].perplexity : i === 0 || perplexity <= plans[i - 1].perplexity
);
printTable(`Perplexity on ${values.samples} x 50 tokens, in float ${float.perplexity!.toFixed(3)}`, {
  columns: [{ title: "weights" }, numeric("perplexity"), { title: "" }, { title: "by layer" }],
  rows: [
    ...uniform.map(({ weights, perplexity }) => [weights, perplexity.toFixed(3), "", ""]),
    ...plans.map(({ weights, perplexity, layers }, i) => [
      weights,
      perplexity.toFixed(3),
      barCell(held[i]),
      layers!,
    ]),
  ],
});
conclude(held);
