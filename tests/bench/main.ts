/**
 * Speed against onnxruntime-node and onnxruntime-web, which Deno installs from npm on the first run; without them the
 * program is timed alone. Everything on one thread and in one run, sample by sample in turn:
 *
 *     deno run -A tests/bench/main.ts [--only TEXT] [--quick] [--json]
 *
 * Prints for each piece of work the median of its samples, half the width of their middle four fifths, how many times as
 * fast as the peer it is, and its share of what the machine reaches in registers alone. The peers run float models as they
 * are, and integer ones in QOperator format with uint8 activations and int8 weights, a scale for each output channel.
 */
import { parseArgs } from "node:util";
import { printTable, withProgress } from "../evidence/bars.ts";
import { compare, type Comparison } from "./compare.ts";
import { comparisonTable } from "./comparison_table.ts";
import type { Sampling } from "./interleave.ts";
import { BENCH_NETWORKS, prepareModel } from "./networks.ts";
import { Peer, PEERS } from "./peer.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const SAMPLING: Sampling = flags.quick
  ? { samples: [15, 3], budgetMs: 1500, sampleMs: 3, warmUpMs: 100 }
  : { samples: [41, 7], budgetMs: 15_000, sampleMs: 10, warmUpMs: 400 };

await using stack = new AsyncDisposableStack();
const peers: Peer[] = [];
for (const name of PEERS) {
  const peer = await Peer.start(name);
  if (typeof peer === "string") console.error(`going on without onnxruntime-${name}: ${peer}`);
  else peers.push(stack.use(peer));
}

const comparisons: Comparison[] = [];
for (const network of BENCH_NETWORKS.filter(({ name }) => name.includes(flags.only))) {
  const prepared = prepareModel(network.model());
  for (const batch of network.batches) {
    const label = `${network.name}, ${batch} ${batch === 1 ? "image" : "images"}`;
    comparisons.push(await withProgress(label, () => compare(network.name, prepared, batch, peers, SAMPLING)));
  }
}
if (flags.json) {
  console.log(JSON.stringify(comparisons.map(({ times, ...rest }) => ({ ...rest, times: Object.fromEntries(times) }))));
} else printTable("Against onnxruntime, one thread", comparisonTable(comparisons, new Map()));
