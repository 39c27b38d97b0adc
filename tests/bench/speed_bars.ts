import { type Cell, numeric, type Table } from "../../cli/report.ts";
import { featuresHere } from "../../kernels/x64/cpu_features.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";
import { barCell } from "../evidence/bars.ts";
import type { Comparison } from "./compare.ts";
import type { FirstInference } from "./first_inference.ts";
import type { MemoryUse } from "./memory.ts";
import type { ThreadTimes } from "./threads.ts";

/** Something that has to be at least, or at most, so much. */
export interface SpeedBar {
  readonly what: string;
  /** Undefined where it was not measured. */
  readonly found: number | undefined;
  readonly least?: number;
  readonly most?: number;
}

/** Two contestants of a comparison: how many times as fast the first is. */
function ratio(
  comparisons: readonly Comparison[],
  work: string,
  batch: number,
  ours: string,
  theirs: string,
): number | undefined {
  const times = comparisons.find((each) => each.work === work && each.batch === batch)?.times;
  const [fast, slow] = [times?.get(ours), times?.get(theirs)];
  return fast && slow && slow.median / fast.median;
}

/** The better of two ratios. */
function better(...ratios: readonly (number | undefined)[]): number | undefined {
  const found = ratios.filter((each) => each !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** Networks whose batches of 64 images are measured. */
const SMALL = ["resnet20", "mobile", "inception"];

/** The network whose single images have to be faster on two threads; others must not be slower. */
const LARGE = "resnet18";

export interface Findings {
  readonly comparisons: readonly Comparison[];
  readonly threads: readonly ThreadTimes[];
  readonly memory: readonly MemoryUse[];
  readonly first: FirstInference | undefined;
}

/** What the program has to reach, and what was found. */
export function speedBars({ comparisons, threads, memory, first }: Findings): SpeedBar[] {
  const of = (work: string, batch: number, ours: string, theirs: string) =>
    ratio(comparisons, work, batch, ours, theirs);
  const resnet = (ours: string, theirs: string) => of("resnet18", 1, ours, theirs);
  const native = resnet("native 8/8", "node int8");
  const hasTiles = nativeStatus().isAvailable && featuresHere().includes("amx_int8");
  return [
    { what: "resnet18 int8, native with AMX / onnxruntime-node", found: hasTiles ? native : undefined, least: 2.5 },
    { what: "resnet18 int8, native / onnxruntime-node", found: native, least: 1.2 },
    {
      what: "resnet18 int8 of 7 bits, wasm / onnxruntime-web",
      found: better(resnet("wasm 8/7", "web int8"), resnet("wasm 7/8", "web int8")),
      least: 2,
    },
    { what: "resnet18 int8 of 8 bits, wasm / onnxruntime-web", found: resnet("wasm 8/8", "web int8"), least: 1.3 },
    ...SMALL.flatMap((work) =>
      [1, 64].map((batch) => ({
        what: `${work} int8, ${batch === 1 ? "1 image" : `${batch} images`}, native / onnxruntime-node`,
        found: of(work, batch, "native 8/8", "node int8"),
        least: 1.5,
      }))
    ),
    { what: "resnet18 float, native / onnxruntime-node", found: resnet("native float", "node float"), least: 1 },
    { what: "resnet18 float, wasm / onnxruntime-web", found: resnet("wasm float", "web float"), least: 1.5 },
    { what: "resnet18 native, int8 / float", found: resnet("native 8/8", "native float"), least: 3 },
    {
      what: "resnet18 wasm, int8 of 7 bits / float",
      found: better(resnet("wasm 8/7", "wasm float"), resnet("wasm 7/8", "wasm float")),
      least: 3,
    },
    ...threads.map(({ work, images, backend, one, two }) => ({
      what: `${work}, ${images === 1 ? `1 image, ${backend}` : `${images} images`}, two threads / one`,
      found: one.median / two.median,
      least: images > 1 ? 1.8 : work === LARGE ? 1.6 : 0.95,
    })),
    ...memory.map(({ work, arenaBytes, lowerBound }) => ({
      what: `${work}, arena / lower bound`,
      found: arenaBytes / lowerBound,
      most: 1.2,
    })),
    { what: "resnet18 native, first inference / steady", found: first && first.first / first.steady, most: 3 },
  ];
}

export function isHeld({ found, least = -Infinity, most = Infinity }: SpeedBar): boolean {
  return found !== undefined && found >= least && found <= most;
}

export function barTable(bars: readonly SpeedBar[]): Table {
  const rows = bars.map((bar): Cell[] => [
    bar.what,
    bar.found === undefined ? "not on this machine" : `${bar.found.toFixed(2)}x`,
    bar.least === undefined ? `at most ${bar.most}x` : `at least ${bar.least}x`,
    bar.found === undefined ? "" : barCell(isHeld(bar)),
  ]);
  return { columns: [{ title: "" }, numeric("found"), numeric("bar"), { title: "" }], rows };
}
