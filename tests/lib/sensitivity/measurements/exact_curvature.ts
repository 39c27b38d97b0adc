import type { Loss } from "../../../../lib/arith/loss.ts";
import { compileDerivatives, type Differentiator } from "../../../../lib/float/differentiator.ts";
import type { Graph } from "../../../../lib/ir/graph.ts";

/** Numbers of one layer: of its weights and of its input. */
export interface OfLayer {
  readonly weights: number;
  readonly input: number;
}

const BOTH = { weights: true, inputs: true };

/**
 * The traces of the Hessian of the mean loss, by layer: Hessian-vector products with every unit vector, and of each the
 * element that lies on the diagonal.
 */
export function exactTraces(
  graph: Graph,
  images: readonly Float32Array[],
  lossAt: (logits: Float32Array, image: number) => Loss,
): Map<string, OfLayer> {
  const engine = compileDerivatives(graph);
  const traces = new Map(engine.layers.map(({ layer }) => [layer.name, { weights: 0, input: 0 }]));
  for (const [i, image] of images.entries()) {
    const loss = lossAt(engine.run(image), i);
    engine.gradient(loss.gradient, BOTH);
    for (const { layer: { name, parameters }, inputSize } of engine.layers) {
      const trace = traces.get(name)!;
      trace.weights += diagonalSum(engine, loss, name, "weights", parameters) / images.length;
      trace.input += diagonalSum(engine, loss, name, "input", inputSize) / images.length;
    }
  }
  return traces;
}

function diagonalSum(engine: Differentiator, loss: Loss, name: string, which: keyof OfLayer, length: number): number {
  let sum = 0;
  const unit = new Float32Array(length);
  for (let column = 0; column < length; column++) {
    unit[column] = 1;
    const tangent = engine.tangent(new Map([[name, { [which]: unit }]]));
    sum += engine.gradientTangent(loss.hessianProduct(tangent)).get(name)![which]![column];
    unit[column] = 0;
  }
  return sum;
}
