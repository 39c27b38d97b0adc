/**
 * Whether a latency table predicts whole networks: profiles the three convolutional networks and compares the sum of the
 * layers of uniform networks and of random mixtures with what the whole networks took, in the same run:
 *
 *     deno run -A tests/evidence/latency.ts [--candidates 8/8,4/8,4/4] [--networks resnet20]
 *
 * Exits 1 unless every prediction is within 10 %. Times on a busy machine are those of the other work.
 */
import { parseArgs } from "node:util";
import { formatPercent, numeric } from "../../cli/report.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { LatencyCodec } from "../../lib/format/latency.ts";
import { barCell, conclude, printTable } from "./bars.ts";
import { dyad, testdata } from "./commands.ts";
import { FASHION_NETWORKS } from "./fashion_networks.ts";

const DIFFERENCE_MAX = 0.1;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    candidates: { type: "string", default: "8/8,6/8,4/8,4/4,2/8" },
    networks: { type: "string", default: FASHION_NETWORKS.map(({ name }) => name).join() },
  },
});
const folder = Deno.makeTempDirSync();
const held: boolean[] = [];
for (const name of values.networks.split(",")) {
  const file = `${folder}/${name}.latency.json`;
  await dyad("profile", testdata(`models/${name}.onnx`), "--candidates", values.candidates, "-o", file);
  const { networks = [] } = decodeArtefact(LatencyCodec, Deno.readTextFileSync(file), file);
  const isHeld = networks.map(({ difference }) => Math.abs(difference) <= DIFFERENCE_MAX);
  held.push(...isHeld);
  const ms = (value: number): string => value.toFixed(3);
  printTable(`${name}: sum of the layers against the whole network, milliseconds for one image`, {
    columns: [
      { title: "network" },
      numeric("predicted"),
      numeric("measured"),
      numeric("quartiles"),
      numeric("difference"),
      { title: "within 10 %" },
    ],
    rows: networks.map(({ name, predictedMs, measuredMs, quartiles, difference }, i) => [
      name,
      ms(predictedMs),
      ms(measuredMs),
      quartiles.map(ms).join(" to "),
      formatPercent(difference, 1),
      barCell(isHeld[i]),
    ]),
  });
}
Deno.removeSync(folder, { recursive: true });
conclude(held);
