import assert from "node:assert/strict";
import type { ClassAxis } from "../../../lib/arith/log_softmax.ts";
import { crossEntropy, divergence, type Loss } from "../../../lib/arith/loss.ts";
import {
  compileDerivatives,
  type Differentiator,
  type Direction,
  type Gradients,
  type Wanted,
} from "../../../lib/float/differentiator.ts";
import { compileFloat } from "../../../lib/float/engine.ts";
import type { Graph } from "../../../lib/ir/graph.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { tensor } from "../../../lib/tensor/tensor.ts";
import { imageOf, NETWORKS, normal } from "./networks.ts";
import { plainDerivatives, toOnnxOrder } from "./plain_derivatives.ts";

const BOTH: Wanted = { weights: true, inputs: true };

/** A random tangent for every layer. */
function directionOf({ layers }: Differentiator, seed: number, { weights, inputs }: Wanted = BOTH): Direction {
  return new Map(layers.map(({ layer, inputSize }, i) => [layer.name, {
    ...(weights && { weights: normal(layer.parameters, seed + 2 * i) }),
    ...(inputs && { input: normal(inputSize, seed + 2 * i + 1) }),
  }]));
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}

function assertClose(found: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  const bound = tolerance * Math.max(largest(expected), 1e-3);
  found.forEach((v, i) => {
    assert.ok(Math.abs(v - expected[i]) <= bound, `${what}, element ${i}: ${v}, expected ${expected[i]}`);
  });
}

function assertGradientsClose(found: Gradients, expected: Gradients, tolerance: number): void {
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { weights, input }] of expected) {
    assert.equal(found.get(name)!.weights === undefined, weights === undefined);
    assert.equal(found.get(name)!.input === undefined, input === undefined);
    if (weights) assertClose(found.get(name)!.weights!, weights, tolerance, `weights of ${name}`);
    if (input) assertClose(found.get(name)!.input!, input, tolerance, `input of ${name}`);
  }
}

/** The views of a result as arrays of their own. */
function kept(gradients: Gradients): Gradients {
  return new Map(Array.from(gradients, ([name, { weights, input }]) => [name, {
    ...(weights && { weights: weights.slice() }),
    ...(input && { input: input.slice() }),
  }]));
}

function inner(gradients: Gradients, direction: Direction): number {
  let sum = 0;
  for (const [name, { weights, input }] of direction) {
    weights?.forEach((v, i) => sum += v * gradients.get(name)!.weights![i]);
    input?.forEach((v, i) => sum += v * gradients.get(name)!.input![i]);
  }
  return sum;
}

const axisOf = (logits: Float32Array): ClassAxis => ({ outer: 1, classes: logits.length, inner: 1 });

const LOSSES: Readonly<Record<string, (logits: Float32Array) => Loss>> = {
  "cross-entropy": (logits) => crossEntropy(logits, axisOf(logits), [1]),
  "divergence from own output": (logits) => divergence(logits, axisOf(logits), logits),
};

/** The Hessian of the loss at the last image times a direction. */
function hessianProduct(engine: Differentiator, loss: Loss, direction: Direction, wanted: Wanted = BOTH): Gradients {
  engine.gradient(loss.gradient, wanted);
  return kept(engine.gradientTangent(loss.hessianProduct(engine.tangent(direction))));
}

for (const [name, graph] of Object.entries(NETWORKS)) {
  const engine = compileDerivatives(graph);

  Deno.test(`${name}: the output is the float engine's`, () => {
    const image = imageOf(graph, 1);
    assert.deepEqual(engine.run(image), compileFloat(graph).run(image));
  });

  for (const wanted of [BOTH, { weights: true, inputs: false }, { weights: false, inputs: true }]) {
    const what = Object.entries(wanted).filter(([, is]) => is).map(([key]) => key).join(" and ");
    Deno.test(`${name}: derivatives of ${what} are those that the operators define`, () => {
      for (const seed of [10, 20]) {
        const image = imageOf(graph, seed);
        const { length } = engine.run(image);
        const direction = directionOf(engine, seed, wanted);
        const plain = plainDerivatives(graph, image, normal(length, seed), wanted, direction);
        assertGradientsClose(engine.gradient(normal(length, seed), wanted), plain.gradients, 1e-5);
        assertClose(engine.tangent(direction), plain.outputTangent, 1e-5, "tangent");
        for (const other of [3, 4]) {
          const expected = plain.gradientTangents(normal(length, other));
          assertGradientsClose(engine.gradientTangent(normal(length, other)), expected, 1e-5);
        }
      }
    });
  }

  Deno.test(`${name}: <g, J v> is <J^T g, v>`, () => {
    const { length } = engine.run(imageOf(graph, 2));
    const direction = directionOf(engine, 30);
    const g = normal(length, 5);
    const forward = engine.tangent(direction).reduce((sum, v, i) => sum + v * g[i], 0);
    const reverse = inner(engine.gradient(g, BOTH), direction);
    assert.ok(Math.abs(forward - reverse) <= 1e-4 * Math.abs(reverse), `${forward} and ${reverse}`);
  });

  for (const [loss, lossAt] of Object.entries(LOSSES)) {
    Deno.test(`${name}: the Hessian of the ${loss} is symmetric`, () => {
      const at = lossAt(engine.run(imageOf(graph, 3)));
      const [u, v] = [directionOf(engine, 40), directionOf(engine, 60)];
      const [first, second] = [
        inner(hessianProduct(engine, at, u), v),
        inner(hessianProduct(engine, at, v), u),
      ];
      const size = Math.sqrt(inner(hessianProduct(engine, at, u), u) * inner(hessianProduct(engine, at, v), v));
      assert.ok(Math.abs(first - second) <= 1e-5 * Math.abs(size || first), `${first} and ${second}`);
    });
  }

  Deno.test(`${name}: a direction is forgotten with the next one, a gradient of 0 is one`, () => {
    const { length } = engine.run(imageOf(graph, 4));
    engine.gradient(normal(length, 1), BOTH);
    engine.tangent(directionOf(engine, 70));
    assert.ok(engine.tangent(new Map()).every((v) => v === 0));
    for (const { weights, input } of engine.gradientTangent(new Float32Array(length)).values()) {
      assert.ok(weights!.every((v) => v === 0) && input!.every((v) => v === 0));
    }
    for (const { weights, input } of engine.gradient(new Float32Array(length), BOTH).values()) {
      assert.ok(weights!.every((v) => v === 0) && input!.every((v) => v === 0));
    }
  });

  Deno.test(`${name}: native code gives the bits of WebAssembly`, { ignore: !nativeStatus().isAvailable }, () => {
    const [first, second] = (["wasm", "native"] as const).map((backend) => {
      const each = compileDerivatives(graph, { backend });
      const output = each.run(imageOf(graph, 8));
      const gradients = kept(each.gradient(normal(output.length, 9), BOTH));
      const tangent = each.tangent(directionOf(each, 100));
      return { output, gradients, tangent, gradientTangents: kept(each.gradientTangent(normal(output.length, 10))) };
    });
    assert.deepEqual(second, first);
  });

  Deno.test(`${name}: a Hessian product does not depend on what ran before`, () => {
    const product = (fresh: Differentiator): Gradients => {
      const loss = LOSSES["cross-entropy"](fresh.run(imageOf(graph, 5)));
      return hessianProduct(fresh, loss, directionOf(fresh, 80));
    };
    engine.run(imageOf(graph, 6));
    engine.gradient(normal(engine.run(imageOf(graph, 6)).length, 7), BOTH);
    engine.tangent(directionOf(engine, 90));
    assert.deepEqual(product(engine), product(compileDerivatives(graph)));
  });
}

/** The graph with `steps` times the direction added to the weights of every layer. */
function moved(graph: Graph, { layers }: Differentiator, direction: Direction, steps: number): Graph {
  const values = new Map(graph.values);
  for (const { layer: { name, weightName, weight } } of layers) {
    const change = toOnnxOrder(direction.get(name)!.weights!, weight.shape);
    const data = weight.data.map((v, i) => v + steps * change[i]);
    values.set(weightName, { ...values.get(weightName)!, constant: tensor("f32", weight.shape, data) });
  }
  return { ...graph, values };
}

for (const name of ["smooth", "curved", "recurrent"]) {
  Deno.test(`${name}: a Hessian product over all layers is the central difference of gradients`, () => {
    const weights: Wanted = { weights: true, inputs: false };
    const step = 2 ** -6;
    // (45 (f(h) - f(-h)) - 9 (f(2h) - f(-2h)) + (f(3h) - f(-3h))) / 60h, whose error is of the sixth order.
    const stencil = [[1, 45], [-1, -45], [2, -9], [-2, 9], [3, 1], [-3, -1]] as const;
    const graph = NETWORKS[name];
    const engine = compileDerivatives(graph);
    for (const seed of [1, 2, 3]) {
      const image = imageOf(graph, seed);
      const direction = directionOf(engine, 100 * seed, weights);
      const loss = LOSSES["cross-entropy"](engine.run(image));
      const expected = new Map(engine.layers.map(({ layer }) => [layer.name, new Float64Array(layer.parameters)]));
      for (const [steps, factor] of stencil) {
        const other = compileDerivatives(moved(graph, engine, direction, steps * step));
        const gradients = other.gradient(LOSSES["cross-entropy"](other.run(image)).gradient, weights);
        for (const [layer, sum] of expected) {
          gradients.get(layer)!.weights!.forEach((v, i) => sum[i] += factor * v / (60 * step));
        }
      }
      const difference = new Map(Array.from(expected, ([layer, sum]) => [layer, { weights: new Float32Array(sum) }]));
      assertGradientsClose(hessianProduct(engine, loss, direction, weights), difference, 1e-4);
    }
  });
}

Deno.test("the input of a recurrence is h after every step, which goes on into the next", () => {
  const graph = NETWORKS.recurrent;
  const image = imageOf(graph, 1);
  const derivatives = compileDerivatives(graph);
  derivatives.run(image);
  const float = compileFloat(graph);
  float.run(image);
  const recurrences = derivatives.layers.filter(({ layer }) => ["LSTM", "GRU"].includes(layer.node.op));
  assert.equal(recurrences.length, 3);
  for (const { layer: { name, node, weight }, inputSize } of recurrences) {
    const hidden = weight.shape[1];
    const added = normal(inputSize, 8);
    const at = (size: number): Float32Array => {
      let step = 0;
      const isReverse = node.attributes.isReverse as boolean; // a recurrence has it
      return float.rerun({
        layer: name,
        input(h) {
          const row = isReverse ? inputSize / hidden - 1 - step : step;
          h.forEach((value, i) => h[i] = value + size * added[row * hidden + i]);
          step++;
        },
      }).slice();
    };
    const [up, down] = [at(2 ** -7), at(-(2 ** -7))];
    const expected = up.map((value, i) => (value - down[i]) * 2 ** 6);
    assertClose(derivatives.tangent(new Map([[name, { input: added }]])), expected, 1e-2, name);
  }
});

Deno.test("a network is piecewise linear unless an operator that is no layer has curvature", () => {
  const found = Object.entries(NETWORKS).filter(([, graph]) => compileDerivatives(graph).isPiecewiseLinear);
  assert.deepEqual(found.map(([name]) => name), ["residual", "varied", "smooth"]);
});
