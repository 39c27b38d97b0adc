import { STORED_RANGE } from "../arith/bounds.ts";
import type { LstmProblem } from "../arith/problem.ts";
import type { Quantization } from "../arith/quantization.ts";
import type { NetworkTensor } from "../format/network.ts";
import { type Graph, valueOf } from "../ir/graph.ts";

/** The tensors that hold h and c of an LSTM from one run to the next: h as its output is held, c with its own scale. */
export function stateTensors({ batch, hidden, cellBits }: LstmProblem, h: Quantization, name: string): NetworkTensor[] {
  const shape = [batch, hidden];
  const cell = { bits: 16, scale: 2 ** -cellBits, zeroPoint: 0, ...STORED_RANGE.i16 };
  return [
    { name: `${name}.h`, shape, dtype: "u8", ...h },
    { name: `${name}.c`, shape, dtype: "i16", ...cell },
  ];
}

/** Token ids as they are, 0 to the last row of what they choose from. */
export function indexQuantization(graph: Graph, input: string): Quantization {
  const tables = graph.nodes.filter(({ op, inputs }) => op === "Gather" && inputs[1] === input)
    .map(({ inputs }) => valueOf(graph, inputs[0]).shape[0]);
  const rows = tables.reduce((least, extent) => Math.min(least, extent), STORED_RANGE.i32.high);
  return { bits: 32, scale: 1, zeroPoint: 0, low: 0, high: rows - 1 };
}
