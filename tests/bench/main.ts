/**
 * Speed against onnxruntime-node and onnxruntime-web, which Deno installs from npm on the first run; without them the
 * program is timed alone. Everything on one thread and in one run, sample by sample in turn:
 *
 *     deno task bench [--only TEXT] [--quick] [--json]
 *     deno task bench --check [--only TEXT]
 *
 * Prints for each piece of work the median of its samples, half the width of their middle four fifths, how many times as
 * fast as the peer it is, and its share of what the machine reaches in registers alone. The peers run float models as they
 * are, and integer ones in QOperator format with uint8 activations and int8 weights, a scale for each output channel. Then
 * what the program has to reach, and whether it does; exits 1 where it does not. `--check` times every kernel that could
 * compute a step of the networks, and exits 1 where the one that is chosen is not the fastest within 10 %.
 */
import { parseArgs } from "node:util";
import { numeric } from "../../cli/report.ts";
import { conclude, printTable, withProgress } from "../evidence/bars.ts";
import { compare, type Comparison } from "./compare.ts";
import { comparisonTable } from "./comparison_table.ts";
import { benchBackends } from "./contestants.ts";
import { checkDispatch } from "./dispatch_check.ts";
import { type FirstInference, firstInference } from "./first_inference.ts";
import type { Sampling } from "./interleave.ts";
import { type MemoryUse, memoryUse } from "./memory.ts";
import { BENCH_NETWORKS, integerNetwork, prepareModel } from "./networks.ts";
import { measurePeaks, type Peak } from "./peak.ts";
import { Peer, PEERS } from "./peer.ts";
import { BENCH_SHAPES } from "./shapes.ts";
import { barTable, isHeld, speedBars } from "./speed_bars.ts";
import { compareImageThreads, compareThreads, type ThreadTimes } from "./threads.ts";
import { nativeStatus } from "../../lib/runtime/native_status.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});

const SAMPLING: Sampling = flags.quick
  ? { samples: [15, 3], budgetMs: 1500, sampleMs: 3, warmUpMs: 100 }
  : { samples: [41, 7], budgetMs: 15_000, sampleMs: 10, warmUpMs: 400 };
/** The network whose first inference has a bar. */
const FIRST = "resnet18";
/** Networks whose arena has a bar. */
const PLANNED = ["resnet20", "mobile", "inception", "resnet18"];
/** Networks that two threads compute together. */
const SPLIT = PLANNED;

const chosen = [...BENCH_NETWORKS, ...BENCH_SHAPES].filter(({ name }) => name.includes(flags.only));
if (chosen.length === 0) {
  const names = [...BENCH_NETWORKS, ...BENCH_SHAPES].map(({ name }) => name);
  console.error(`--only ${flags.only}: found no such work, expected part of one of ${names.join("; ")}`);
  Deno.exit(2);
}

if (flags.check) {
  conclude(await checkDispatch(chosen));
  Deno.exit();
}

async function startPeers(stack: AsyncDisposableStack): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const name of PEERS) {
    const peer = await Peer.start(name);
    if (typeof peer === "string") console.error(`going on without onnxruntime-${name}: ${peer}`);
    else peers.push(stack.use(peer));
  }
  return peers;
}

await using stack = new AsyncDisposableStack();
const peers = await startPeers(stack);
const peaks = await measurePeaks({ ...SAMPLING, budgetMs: 1000 });
const comparisons: Comparison[] = [];
const threads: ThreadTimes[] = [];
const memory: MemoryUse[] = [];
let first: FirstInference | undefined;
for (const { name, model, batches } of chosen) {
  const prepared = prepareModel(model());
  for (const batch of batches) {
    const label = batch === 1 ? name : `${name}, ${batch} images`;
    comparisons.push(await withProgress(label, () => compare(name, prepared, batch, peers, SAMPLING)));
    if (batch === 1) {
      for (const backend of SPLIT.includes(name) ? benchBackends() : []) {
        const times = () => compareImageThreads(name, prepared, backend, SAMPLING);
        threads.push(await withProgress(`${name}, ${backend}, two threads`, times));
      }
      continue;
    }
    threads.push(await withProgress(`${name}, two threads`, () => compareThreads(name, prepared, SAMPLING)));
  }
  if (PLANNED.includes(name)) memory.push(memoryUse(name, prepared));
  if (name === FIRST && nativeStatus().isAvailable) {
    first = await withProgress(`${name}, first`, () => firstInference(integerNetwork(prepared), "native"));
  }
}
const bars = speedBars({ comparisons, threads, memory, first });

if (flags.json) {
  const results = comparisons.map(({ times, ...rest }) => ({ ...rest, times: Object.fromEntries(times) }));
  console.log(JSON.stringify({ peaks: [...peaks.values()], comparisons: results, threads, memory, first, bars }));
} else print();

function print(): void {
  printTable("Reached in registers alone", peakTable([...peaks.values()]));
  printTable("Against onnxruntime, one thread", comparisonTable(comparisons, peaks));
  if (first !== undefined) {
    const columns = ["load ms", "of that packing", "first inference", "steady"].map(numeric);
    const rows = [[first.load, first.packing, first.first, first.steady].map((ms) => ms.toFixed(1))];
    printTable(`${FIRST}, native, in a new process`, { columns, rows });
  }
  const measured = bars.filter(({ found }) => found !== undefined);
  printTable("Bars", barTable(flags.only === "" ? bars : measured));
  conclude(measured.map(isHeld));
}

function peakTable(found: readonly Peak[]) {
  const rows = found.map(({ tier, instructions, gmacs }) => [tier, instructions, gmacs.toFixed(0)]);
  return { columns: [{ title: "tier" }, { title: "instructions" }, numeric("GMAC/s")], rows };
}
