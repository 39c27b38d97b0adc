/**
 * Binary codes of matrices by every method at 2, 3 and 4 bits: relative squared error of random matrices and of the
 * weights of the recurrent networks of testdata, how often `alternating` finds the optimum, and the perplexity of the
 * language model with coded weights (all of W, R, embedding, projection and softmax, row by row):
 *
 *     deno run -A tests/evidence/codes.ts [--tokens 4000]
 *
 * Beside them what Xu et al. (ICLR 2018, arXiv 1802.00150, tables 1 and 2) found for an LSTM on PTB. Exits 1 on a missed
 * bar. All 40,044 tokens take some twenty minutes.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { type Cell, numeric } from "../../cli/report.ts";
import { squaredCodeError } from "../../lib/arith/binary_codes/codes.ts";
import { ALTERNATING } from "../../lib/arith/binary_codes/methods/alternating.ts";
import { type Random, seededRandom } from "../../lib/tensor/random.ts";
import { leastTwoBitError } from "../lib/arith/binary_codes/optimal_codes.ts";
import { barCell, conclude, printTable, withProgress } from "./bars.ts";
import { coded, CODINGS, weightMatrices } from "./coded_networks.ts";
import type { PerplexityTask } from "./codes_worker.ts";
import { fashionGraph } from "./fashion_networks.ts";
import { languageModel } from "./sequence_networks.ts";

/** Relative error of the weights of an LSTM on PTB by `alternating`, and perplexities relative to float (89.8). */
const PAPER_ERRORS = new Map([[2, 0.125], [3, 0.043], [4, 0.019]]);
const PAPER_PERPLEXITIES: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  greedy: { 2: 118.9 / 89.8, 3: 99.4 / 89.8, 4: 95.0 / 89.8 },
  alternating: { 2: 103.1 / 89.8, 3: 93.8 / 89.8, 4: 91.4 / 89.8 },
};
/** How far an error may be from the paper's, as a factor. */
const REGION = 1.25;
/** The order of the methods that has to hold, best first. */
const ORDER = ["multistart", "alternating", "refined", "greedy"];
/** What rounding decoded weights to float32 may change. */
const ROUNDING = 1e-6;

const { values } = parseArgs({ args: Deno.args, options: { tokens: { type: "string", default: "4000" } } });
const tokens = Number(values.tokens);

interface Matrix {
  readonly name: string;
  readonly rows: number;
  readonly weights: Float32Array;
}

function randomMatrix(name: string, seed: number, draw: (random: Random) => number): Matrix {
  const random = seededRandom(seed);
  return { name, rows: 512, weights: Float32Array.from({ length: 512 * 2048 }, () => draw(random)) };
}

function laplace(random: Random): number {
  return Math.log(1 - random.uniform()) * (random.uniform() < 0.5 ? -1 : 1);
}

function weightsOf(name: string, graph: ReturnType<typeof languageModel>): Matrix[] {
  return weightMatrices(graph).map(({ name: matrix, shape, data }) => ({
    name: `${name} ${matrix}`,
    rows: shape[0],
    weights: data,
  }));
}

function squares(weights: Float32Array): number {
  return weights.reduce((sum, w) => sum + w * w, 0);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
}

const model = weightsOf("lstm_lm", languageModel(1));
const matrices = [
  randomMatrix("Gaussian", 1, (random) => random.normal()),
  randomMatrix("Laplace", 2, laplace),
  ...weightsOf("lstm", fashionGraph("lstm")),
  ...model,
];
const held: boolean[] = [];

// Errors, [matrix][coding].
const distances = await withProgress("codes of matrices", (onProgress) =>
  matrices.map(({ rows, weights }, i) => {
    const found = CODINGS.map((coding) => squaredDistance(weights, coded(weights, rows, coding)));
    onProgress(i + 1, matrices.length);
    return found;
  }));
const errors = matrices.map(({ weights }, i) => distances[i].map((distance) => distance / squares(weights)));
const modelWeights = model.reduce((sum, { weights }) => sum + squares(weights), 0);
const modelErrors = CODINGS.map((_, c) =>
  distances.slice(-model.length).reduce((sum, found) => sum + found[c], 0) / modelWeights
);
const errorOf = (found: readonly number[], method: string, bits: number): number =>
  found[CODINGS.findIndex((coding) => coding.method === method && coding.bits === bits)];

for (const bits of [2, 3, 4]) {
  const methods = CODINGS.filter((coding) => coding.bits === bits).map(({ method }) => method);
  const rows: Cell[][] = [...matrices.map(({ name }) => name), "lstm_lm, all"].map((name, i) => {
    const found = errors[i] ?? modelErrors;
    const inOrder = ORDER.every((method, place) =>
      place === 0 || errorOf(found, ORDER[place - 1], bits) <= errorOf(found, method, bits) * (1 + ROUNDING)
    );
    held.push(inOrder);
    return [name, ...methods.map((method) => errorOf(found, method, bits).toFixed(4)), barCell(inOrder)];
  });
  printTable(`Relative squared error, ${bits} bits; bar: ${ORDER.join(" <= ")}`, {
    columns: [{ title: "matrix" }, ...methods.map(numeric), { title: "" }],
    rows,
  });
}

printTable("Alternating on the language model beside the paper's on PTB", {
  columns: [numeric("bits"), numeric("found"), numeric("paper"), { title: "" }],
  rows: [...PAPER_ERRORS].map(([bits, paper]) => {
    const found = errorOf(modelErrors, "alternating", bits);
    held.push(found <= paper * REGION && found >= paper / REGION);
    return [String(bits), found.toFixed(4), String(paper), barCell(held.at(-1)!)];
  }),
});

printTable("Alternating beside the optimum of 2 bits", {
  columns: [{ title: "rows" }, numeric("optimal"), numeric("error beside the optimum")],
  rows: [...[4, 8, 12].map(shortRows), ...matrices].map(({ name, rows, weights }) => {
    const columns = weights.length / rows;
    let [reached, found, least] = [0, 0, 0];
    for (let row = 0; row < rows; row++) {
      const ofRow = Float64Array.from(weights.subarray(row * columns, (row + 1) * columns));
      const [error, optimum] = [squaredCodeError(ofRow, ALTERNATING.encode(ofRow, 2)), leastTwoBitError(ofRow)];
      if (error - optimum <= ROUNDING * squares(Float32Array.from(ofRow))) reached++;
      found += error;
      least += optimum;
    }
    return [name, `${(100 * reached / rows).toFixed(1)} %`, `${(found / least).toFixed(4)} x`];
  }),
});

function shortRows(length: number): Matrix {
  const random = seededRandom(length);
  const weights = Float32Array.from({ length: 1000 * length }, () => random.normal());
  return { name: `1000 Gaussian rows of ${length}`, rows: 1000, weights };
}

/** Perplexities of tasks, one worker per core. */
async function perplexities(
  tasks: readonly PerplexityTask[],
  onProgress: (done: number, total: number) => void,
): Promise<number[]> {
  const found = new Array<number>(tasks.length);
  let [next, done] = [0, 0];
  async function work(): Promise<void> {
    const worker = new Worker(new URL("./codes_worker.ts", import.meta.url));
    try {
      while (next < tasks.length) {
        const index = next++;
        found[index] = await new Promise((resolve, reject) => {
          worker.once("message", resolve).once("error", reject).postMessage(tasks[index]);
        });
        onProgress(++done, tasks.length);
      }
    } finally {
      await worker.terminate();
    }
  }
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  return found;
}

const [float, ...found] = await withProgress(
  "perplexity with coded weights",
  (onProgress) => perplexities([{ tokens }, ...CODINGS.map((coding) => ({ coding, tokens }))], onProgress),
);
const perplexityOf = new Map(CODINGS.map(({ method, bits }, i) => [`${method} ${bits}`, found[i]]));
printTable(`Perplexity of lstm_lm on ${tokens} tokens, in float ${float.toFixed(2)}; bar: ${ORDER.join(" <= ")}`, {
  columns: [
    { title: "method" },
    numeric("bits"),
    numeric("perplexity"),
    numeric("of float"),
    numeric("paper's of float"),
    { title: "" },
  ],
  rows: CODINGS.map(({ method, bits }, i) => {
    const worse = perplexityOf.get(`${ORDER[ORDER.indexOf(method) + 1]} ${bits}`);
    if (ORDER.includes(method) && worse !== undefined) held.push(found[i] <= worse);
    return [
      method,
      String(bits),
      found[i].toFixed(2),
      (found[i] / float).toFixed(3),
      PAPER_PERPLEXITIES[method]?.[bits]?.toFixed(3) ?? "",
      ORDER.includes(method) && worse !== undefined ? barCell(held.at(-1)!) : "",
    ];
  }),
});
conclude(held);
