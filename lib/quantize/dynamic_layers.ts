import { dynamicProductBounds, dynamicProductFault, type DynamicProductProblem } from "../arith/dynamic_product.ts";
import type { IntegerWeights } from "../arith/integer_weights.ts";
import { inputError } from "../format/error.ts";
import type { CandidateBits } from "../format/plan.ts";
import type { Quantization } from "../arith/quantization.ts";
import { type Graph, type Node, producersOf, valueOf, type ValueType } from "../ir/graph.ts";
import { layersOf } from "../ops/layers.ts";
import { operatorOf } from "../ops/mod.ts";
import type { LoweringContext, Operator } from "../ops/operator.ts";

/** Bits of what is held wide, so that a dynamic product finds its scale in it. */
export const WIDE_BITS = 32;
/** The largest value that calibration saw is so many units: vectors of a 1024th of it keep 8 bits. */
const WIDE_UNITS = 2 ** 18;
/** What is held wide ends here, 1024 times the largest that was seen, and sums of two of it fit 64 bits when rescaled. */
const WIDE_LIMIT = 2 ** 28;

/**
 * The layers whose input finds its scale at run time: products of vectors whose input can be held wide, in 32 bits of one
 * scale, and is to be integers; codes find their own numbers anyway. Pixels, rows of an embedding, results of tables and of recurrences cannot, of which 8 bits are all there is.
 */
export function dynamicLayers(
  graph: Graph,
  bits: ReadonlyMap<string, CandidateBits>,
  hasPixels: boolean,
): Set<string> {
  const producers = producersOf(graph);
  const isWide = (value: string): boolean => {
    const producer = producers.get(value);
    if (producer === undefined) return valueOf(graph, value).dtype === "f32" && !hasPixels;
    switch (operatorOf(producer.op).quantization) {
      case "weighted":
      case "rescaling":
      case "summing":
        return true;
      case "sharing":
        return isWide(producer.inputs[0]);
      case "joining":
        return producer.inputs.every(isWide);
      default:
        return false;
    }
  };
  const layers = layersOf(graph).filter(({ name, node }) =>
    operatorOf(node.op).lowerDynamic && isWide(node.inputs[0]) && bits.get(name)?.activationFormat === undefined
  );
  return new Set(layers.map(({ name }) => name));
}

/** How values are held wide of which calibration saw `largest` as the largest magnitude; units are not below `finest`. */
export function wideQuantization(largest: number, finest: number = 0): Quantization {
  const scale = Math.max((largest || 1) / WIDE_UNITS, finest);
  return { bits: WIDE_BITS, scale, zeroPoint: 0, low: -WIDE_LIMIT, high: WIDE_LIMIT };
}

/** The finest unit of the output of a product of such weights: shifts of its rescaling stay larger than exponents. */
export function finestOutput({ scales }: IntegerWeights, input: Quantization, activationBits: number): number {
  return scales.reduce((most, scale) => Math.max(most, scale), 0) * input.scale * 2 ** (3 - activationBits);
}

/** @throws DyadError (input) for an output that could leave 64 bits. */
export function lowerDynamicProduct(
  node: Node,
  operator: Operator,
  context: LoweringContext,
  type: ValueType,
  activationBits: number,
): DynamicProductProblem {
  const problem = operator.lowerDynamic!(node, context, type, activationBits);
  const fault = dynamicProductFault(problem, dynamicProductBounds(problem));
  if (fault) throw inputError(`layer ${node.name}: output channel ${fault.channel}: ${fault.message}`);
  return problem;
}
