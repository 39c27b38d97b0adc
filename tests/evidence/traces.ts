/**
 * How well and how fast Hessian traces are estimated: resnet20, 512 calibration images with labels, the stopping rule as
 * it is by default, on all cores:
 *
 *     deno run -A tests/evidence/traces.ts
 *
 * Exits 1 unless the relative standard error of every layer's traces, weights and input, is under 10 % within 5 minutes.
 */
import { numeric } from "../../cli/report.ts";
import { decodeArtefact } from "../../lib/format/artefact.ts";
import { SensitivityCodec } from "../../lib/format/sensitivity.ts";
import { barCell, conclude, printTable } from "./bars.ts";
import { CALIBRATION_DATA, CALIBRATION_LABELS, dyad, testdata } from "./commands.ts";

const MODEL = testdata("models/resnet20.onnx");
const METRIC = "hessian-trace";
const ERROR_MAX = 0.1;
const SECONDS_MAX = 300;

const folder = Deno.makeTempDirSync();
const [calibration, table] = ["calibration", "sensitivity"].map((kind) => `${folder}/${kind}.json`);
await dyad("calibrate", MODEL, ...CALIBRATION_DATA, "-o", calibration);
const start = performance.now();
await dyad(
  ...["sensitivity", MODEL, "--calibration", calibration, ...CALIBRATION_DATA, ...CALIBRATION_LABELS],
  ...["--limit", "512", "--metric", METRIC, "--metrics", METRIC, "-o", table],
);
const seconds = (performance.now() - start) / 1000;
const { layers, rounds } = decodeArtefact(SensitivityCodec, Deno.readTextFileSync(table), table);
Deno.removeSync(folder, { recursive: true });

const rows = layers.flatMap(({ name, curvature = {} }) =>
  Object.entries(curvature).map(([of, { trace, standardError = Infinity }]) => ({
    name,
    of,
    trace,
    error: standardError / Math.abs(trace),
  }))
);
printTable(`resnet20: traces after ${rounds?.count} rounds of 512 images in ${seconds.toFixed(0)} s`, {
  columns: [{ title: "layer" }, { title: "Hessian of" }, numeric("trace"), numeric("standard error"), {
    title: "under 10 %",
  }],
  rows: rows.map(({ name, of, trace, error }) => [
    name,
    of,
    trace.toPrecision(4),
    `${(100 * error).toFixed(1)} %`,
    barCell(error < ERROR_MAX),
  ]),
});
conclude([...rows.map(({ error }) => error < ERROR_MAX), seconds < SECONDS_MAX]);
