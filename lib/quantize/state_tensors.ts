import { STORED_RANGE } from "../arith/bounds.ts";
import type { RecurrentProblem } from "../arith/problem.ts";
import type { Quantization } from "../arith/quantization.ts";
import type { NetworkTensor } from "../format/network.ts";
import type { Graph } from "../ir/graph.ts";
import { indexedRows } from "../ops/indexed_rows.ts";

/**
 * The tensors that hold the states of a recurrence from one run to the next: of an LSTM h as its output is held, and c with
 * its own scale; of a GRU h with its own; of an RNN h.
 */
export function stateTensors(problem: RecurrentProblem, h: Quantization, name: string): NetworkTensor[] {
  const shape = [problem.batch, problem.hidden];
  const wide = (state: string, fractionBits: number): NetworkTensor => ({
    name: `${name}.${state}`,
    shape,
    dtype: "i16",
    bits: 16,
    scale: 2 ** -fractionBits,
    zeroPoint: 0,
    ...STORED_RANGE.i16,
  });
  if (problem.kind === "gru") return [wide("h", problem.stateBits)];
  const hidden: NetworkTensor = { name: `${name}.h`, shape, dtype: "u8", ...h };
  return problem.kind === "lstm" ? [hidden, wide("c", problem.cellBits)] : [hidden];
}

/** Token ids as they are, 0 to the last row of what they choose from. */
export function indexQuantization(graph: Graph, input: string): Quantization {
  const high = Math.min(indexedRows(graph, input) - 1, STORED_RANGE.i32.high);
  return { bits: 32, scale: 1, zeroPoint: 0, low: 0, high };
}
