import { numeric, type Table } from "../../cli/report.ts";
import type { Comparison } from "./compare.ts";
import type { Times } from "./interleave.ts";
import { type Peak, tierOf } from "./peak.ts";

/** A line of the table: which contestants stand in its columns. */
interface Line {
  readonly form: string;
  readonly native?: string;
  readonly wasm: string;
  readonly peers: "float" | "int8";
}

const LINES: readonly Line[] = [
  { form: "float", native: "native float", wasm: "wasm float", peers: "float" },
  { form: "8/8", native: "native 8/8", wasm: "wasm 8/8", peers: "int8" },
  { form: "8/7", wasm: "wasm 8/7", peers: "int8" },
  { form: "7/8", wasm: "wasm 7/8", peers: "int8" },
  { form: "4/4", wasm: "wasm 4/4", peers: "int8" },
];

const NOTHING = "";

/** Milliseconds of the median with the half width of the middle four fifths of the samples. */
function timesCell(times: Times | undefined): string {
  if (times === undefined) return NOTHING;
  const { median, low, high } = times;
  const spread = Math.round(50 * (high - low) / median);
  return `${median.toPrecision(median < 1 ? 3 : 4)} ±${spread} %`;
}

function ratioCell(ours: Times | undefined, theirs: Times | undefined): string {
  return ours && theirs ? `${(theirs.median / ours.median).toFixed(2)}x` : NOTHING;
}

/** A line for each form of each comparison. `peaks` are by tier. */
export function comparisonTable(comparisons: readonly Comparison[], peaks: ReadonlyMap<string, Peak>): Table {
  const rows = comparisons.flatMap(({ work, batch, macs, times }) =>
    LINES.filter(({ native, wasm }) => times.has(wasm) || native !== undefined && times.has(native)).map((line) => {
      const of = (name: string | undefined): Times | undefined => name === undefined ? undefined : times.get(name);
      const [native, wasm] = [of(line.native), of(line.wasm)];
      const [node, web] = [of(`node ${line.peers}`), of(`web ${line.peers}`)];
      const share = (ours: Times | undefined, name: string | undefined): string => {
        const peak = name === undefined ? undefined : peaks.get(tierOf(name))?.gmacs;
        return ours && peak ? `${Math.round(100 * macs / ours.median / 1e6 / peak)} %` : NOTHING;
      };
      return [
        batch === 1 ? work : `${work}, ${batch} images`,
        line.form,
        timesCell(native),
        timesCell(node),
        ratioCell(native, node),
        share(native, line.native),
        timesCell(wasm),
        timesCell(web),
        ratioCell(wasm, web),
        share(wasm, line.wasm),
      ];
    })
  );
  const columns = [
    { title: "work" },
    { title: "bits" },
    numeric("native ms"),
    numeric("ort-node ms"),
    numeric("ratio"),
    numeric("of peak"),
    numeric("wasm ms"),
    numeric("ort-web ms"),
    numeric("ratio"),
    numeric("of peak"),
  ];
  return { columns, rows };
}
