import { inputError } from "../format/error.ts";
import type { TokenSamples } from "../format/token_stream.ts";
import { type Graph, valueOf } from "../ir/graph.ts";
import { statesOf } from "../ops/states.ts";
import { sizeOf } from "../tensor/shape.ts";
import { compileFloat, type FloatEngine, type FloatOptions } from "./engine.ts";

/**
 * Sample i of a stream is its tokens i T to i T + T - 1, with the states that the float network has after all tokens before
 * them, from zeros before the first: so a sample can be run anywhere and in any order, and the state is carried over all the
 * same: the tokens come first, then the states before the first of them. States are computed when they are first asked for. The graph's inputs are the tokens [T, ...] and its states.
 * @throws DyadError (input), `where` naming the data, for fewer than T + 1 tokens and for ids beyond the embedding's rows.
 */
export function streamSamples(
  graph: Graph,
  tokens: Int32Array,
  where: string,
  options: FloatOptions = {},
): TokenSamples {
  const [tokenInput, ...stateInputs] = graph.inputs.map((name) => valueOf(graph, name));
  const steps = sizeOf(tokenInput.shape);
  const count = Math.floor((tokens.length - 1) / steps);
  if (count === 0) {
    throw inputError(
      `${where}: found ${tokens.length} tokens, expected at least ${steps + 1} for one sample of ${steps}`,
    );
  }
  checkVocabulary(graph, tokens, where);
  const lengths = stateInputs.map(({ shape }) => sizeOf(shape));
  const size = lengths.reduce((sum, length) => sum + length, steps);
  const outputs = new Map(statesOf(graph).map(({ input, output }) => [input, output]));
  const known = [new Float32Array(size - steps)];
  let engine: FloatEngine | undefined;

  function sample(index: number): Float32Array {
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw new RangeError(`no sample ${index} in a stream of ${count}`);
    }
    const elements = new Float32Array(size);
    elements.set(tokens.subarray(index * steps, (index + 1) * steps));
    elements.set(stateBefore(index), steps);
    return elements;
  }

  function stateBefore(index: number): Float32Array {
    while (known.length <= index) {
      engine ??= compileFloat(graph, undefined, options);
      engine.run(sample(known.length - 1));
      const after = new Float32Array(size - steps);
      let next = 0;
      stateInputs.forEach(({ name }, i) => {
        after.set(engine!.read(outputs.get(name)!), next);
        next += lengths[i];
      });
      known.push(after);
    }
    return known[index];
  }

  return {
    count,
    size,
    unused: tokens.length - 1 - count * steps,
    sample,
    targets: (index) => tokens.slice(index * steps + 1, (index + 1) * steps + 1),
  };
}

function checkVocabulary({ inputs, nodes, values }: Graph, tokens: Int32Array, where: string): void {
  for (const { op, inputs: [table, indices] } of nodes) {
    const rows = op === "Gather" && indices === inputs[0] ? values.get(table)!.constant?.shape[0] : undefined;
    const stray = rows === undefined ? -1 : tokens.findIndex((token) => token >= rows);
    if (stray < 0) continue;
    throw inputError(
      `${where}: token number ${stray} is ${tokens[stray]}, expected 0 to ${rows! - 1}, the rows of ${table}`,
    );
  }
}
