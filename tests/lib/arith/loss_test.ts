import assert from "node:assert/strict";
import type { ClassAxis } from "../../../lib/arith/log_softmax.ts";
import { crossEntropy, divergence, type Loss } from "../../../lib/arith/loss.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";

const AXES: readonly ClassAxis[] = [{ outer: 1, classes: 5, inner: 1 }, { outer: 2, classes: 3, inner: 4 }];

const sizeOf = ({ outer, classes, inner }: ClassAxis): number => outer * classes * inner;

function normal(size: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: size }, () => random.normal());
}

/** Losses of an axis as functions of the logits. */
function lossesOf(axis: ClassAxis): Record<string, (logits: Float32Array) => Loss> {
  const labels = Array.from({ length: axis.outer * axis.inner }, (_, i) => (2 * i + 1) % axis.classes);
  const target = normal(sizeOf(axis), 7);
  return {
    crossEntropy: (logits) => crossEntropy(logits, axis, labels),
    divergence: (logits) => divergence(logits, axis, target),
  };
}

/** (f(x + h) - f(x - h)) / 2h by element, at steps that float32 logits take exactly. */
function centralDifferences(logits: Float32Array, f: (logits: Float32Array) => number): number[] {
  const step = 2 ** -8;
  const at = (i: number, h: number): number => f(logits.map((v, j) => j === i ? v + h : v));
  return Array.from(logits, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    assert.ok(Math.abs(found[i] - expected[i]) <= tolerance, `element ${i}: ${found[i]}, expected ${expected[i]}`);
  }
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);

for (const axis of AXES) {
  for (const [name, lossAt] of Object.entries(lossesOf(axis))) {
    const what = `${name} of ${axis.outer}x${axis.classes}x${axis.inner}`;
    const logits = normal(sizeOf(axis), 1).map((v) => Math.round(v * 2 ** 12) / 2 ** 12);

    Deno.test(`${what}: the gradient is that of finite differences`, () => {
      assertClose(lossAt(logits).gradient, centralDifferences(logits, (at) => lossAt(at).value), 1e-5);
    });

    Deno.test(`${what}: a Hessian product is the difference of gradients along the tangent`, () => {
      const tangent = normal(sizeOf(axis), 2);
      const expected = centralDifferences(logits, (at) => dot(lossAt(at).gradient, tangent));
      assertClose(lossAt(logits).hessianProduct(tangent), expected, 3e-5);
    });

    Deno.test(`${what}: the root times its transpose is the Hessian`, () => {
      const { hessianProduct, hessianRootProduct } = lossAt(logits);
      const size = sizeOf(axis);
      const unit = (i: number): Float32Array => Float32Array.from({ length: size }, (_, j) => Number(i === j));
      const roots = Array.from({ length: size }, (_, i) => hessianRootProduct(unit(i)));
      for (let i = 0; i < size; i++) {
        const row = Float32Array.from({ length: size }, (_, j) => roots.reduce((sum, s) => sum + s[i] * s[j], 0));
        assertClose(row, hessianProduct(unit(i)), 1e-6);
      }
    });
  }

  Deno.test(`the divergence from the logits' own distributions (${axis.outer * axis.inner}) is exactly flat`, () => {
    const logits = normal(sizeOf(axis), 3);
    const { value, gradient, hessianProduct } = divergence(logits, axis, logits);
    assert.equal(value, 0);
    assert.ok(gradient.every((v) => v === 0));
    assert.ok(hessianProduct(normal(sizeOf(axis), 4)).some((v) => v !== 0));
  });
}

Deno.test("cross-entropy is minus the logarithm of the label's probability", () => {
  const [axis] = AXES;
  const { value } = crossEntropy(Float32Array.of(0, Math.log(3), 0, 0, 0), axis, [1]);
  assert.ok(Math.abs(value - Math.log(7 / 3)) < 1e-7);
});

Deno.test("labels that are no classes are refused", () => {
  const [axis] = AXES;
  const logits = normal(5, 1);
  for (const labels of [[5], [-1], [0.5], [], [1, 1]]) {
    assert.throws(() => crossEntropy(logits, axis, labels), RangeError);
  }
});
