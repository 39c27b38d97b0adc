import assert from "node:assert/strict";
import type { Operator, Point } from "../../lib/ops/operator.ts";
import { isFloat } from "../../lib/tensor/dtype.ts";
import { type Random, seededRandom } from "../../lib/tensor/random.ts";
import { type FloatTensor, type Tensor, tensor } from "../../lib/tensor/tensor.ts";
import { type Instance, instantiate, SAMPLES } from "./operator_instance.ts";

/** Finite differences reach from two steps before the point to two steps behind it. */
const STEP = 2 ** -8;
/** Of a finite difference, in parts of the largest element: rounding to float32 over STEP, and the third derivative. */
const TOLERANCE = 1e-3;
/** A kink that bends a result by less than this part of its slope is within the tolerance. */
const KINK = TOLERANCE / 4;

type Arrays = readonly (Float32Array | undefined)[];

/** A sample at a point, with directions along which no result has a kink within two steps. */
interface Probe {
  readonly operator: Operator;
  readonly instance: Instance;
  /** The points `k` steps along the tangents, k = -2..2, at index k + 2. */
  readonly path: readonly Point[];
  /** Undefined for inputs of integers, which nothing is derived by. */
  readonly tangents: Arrays;
  readonly gradients: readonly Float32Array[];
  /** Every input of real numbers is wanted. */
  readonly all: readonly boolean[];
  /** In every message: the operator, the sample and the seed. */
  readonly what: string;
}

function probe({ operator, sample, title }: typeof SAMPLES[number], firstSeed: number): Probe {
  for (let seed = firstSeed; seed < firstSeed + 1000; seed++) {
    const random = seededRandom(seed);
    const instance = instantiate(operator, sample, random);
    const wanted = instance.tensors.map(({ dtype }) => isFloat(dtype));
    const tangents = instance.tensors.map(({ data }, i) => wanted[i] ? normal(data.length, random) : undefined);
    const path = [-2, -1, 0, 1, 2].map((k) => pointAt(operator, instance, tangents, k * STEP));
    if (hasKink(path.map(resultOf))) continue;
    const gradients = path[2].outputs.map(({ data }) => normal(data.length, random));
    return { operator, instance, path, tangents, gradients, all: wanted, what: `${title}, seed ${seed}` };
  }
  return assert.fail(`${title}: every seed from ${firstSeed} on has a kink within two steps`);
}

function normal(length: number, random: Random): Float32Array {
  return Float32Array.from({ length }, () => random.normal());
}

function pointAt(operator: Operator, { node, tensors, outputs }: Instance, tangents: Arrays, distance: number): Point {
  const inputs = tensors.map((input, i): Tensor => {
    if (!tangents[i]) return input;
    const move = (v: number, k: number): number => v + distance * tangents[i]![k];
    return input.dtype === "f64"
      ? tensor("f64", input.shape, (input.data as Float64Array).map(move))
      : tensor("f32", input.shape, (input.data as Float32Array).map(move));
  });
  return { inputs, outputs: operator.forward(node, inputs, outputs) };
}

/** The elements of all outputs. */
const resultOf = ({ outputs }: Point): Float32Array => joined(outputs.map((output) => (output as FloatTensor).data));

function joined(arrays: readonly Float32Array[]): Float32Array {
  return Float32Array.from(arrays.flatMap((array) => [...array]));
}

/**
 * Whether some element, over five equal steps, does not follow one smooth curve. The slopes of a smooth curve on the four
 * intervals have second differences of the order of STEP^2; a kink that bends the slope by J at the part p of an interval
 * leaves one of (1 - p) J and (1 - 2 p) J or p J, wherever it lies.
 */
function hasKink(results: readonly Float32Array[]): boolean {
  const slopes = results.slice(1).map((after, k) => after.map((v, i) => (v - results[k][i]) / STEP));
  const limit = KINK * largest(...slopes);
  const bend = (k: number, i: number): number => Math.abs(slopes[k - 1][i] - 2 * slopes[k][i] + slopes[k + 1][i]);
  return results[0].some((_, i) => !(Math.max(bend(1, i), bend(2, i)) <= limit));
}

function largest(...arrays: readonly ArrayLike<number>[]): number {
  return Math.max(1e-3, ...arrays.flatMap((array) => Array.from(array, Math.abs)));
}

function assertClose(found: Float32Array, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  const limit = tolerance * largest(found, expected);
  found.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= limit, `${what}, element ${i}: ${v} ${expected[i]}`));
}

/** The sum of a[i] b[i] over all arrays, and of its absolute terms. */
function dot(a: Arrays, b: Arrays): { sum: number; terms: number } {
  const products = a.flatMap((left, i) => left && b[i] ? Array.from(left, (v, k) => v * b[i]![k]) : []);
  return { sum: products.reduce((s, v) => s + v, 0), terms: products.reduce((s, v) => s + Math.abs(v), 0) };
}

function differences(after: Arrays, before: Arrays): number[][] {
  return after.map((v, i) => Array.from(v ?? [], (value, k) => (value - before[i]![k]) / (2 * STEP)));
}

function gradientAt({ operator, instance: { node }, gradients, all }: Probe, point: Point): Arrays {
  return operator.derivatives.gradient(node, point, gradients, all);
}

/** The curvature along `tangents` with zeros where there is none. */
function curvatureAt({ operator, instance: { node }, path, gradients, all }: Probe, tangents: Arrays): Float32Array[] {
  const found = operator.derivatives.curvature?.(node, path[2], tangents, gradients, all);
  return path[2].inputs.map((input, i) => found?.[i] ?? new Float32Array(input!.data.length));
}

for (const sample of SAMPLES) {
  const { title } = sample;

  Deno.test(`${title}: its tangent is the finite difference of forward`, () => {
    const { operator, instance: { node }, path, tangents, what } = probe(sample, 100);
    const found = operator.derivatives.tangent(node, path[2], tangents);
    const expected = differences([resultOf(path[3])], [resultOf(path[1])]);
    assert.equal(found.length, path[2].outputs.length, what);
    assertClose(joined(found), expected[0], TOLERANCE, what);
  });

  Deno.test(`${title}: its tangent is the sum of the tangents of each input alone`, () => {
    const { operator, instance: { node }, path, tangents, what } = probe(sample, 200);
    const tangentOf = (given: Arrays): Float32Array => joined(operator.derivatives.tangent(node, path[2], given));
    const sum = new Float64Array(resultOf(path[2]).length);
    tangents.forEach((tangent, i) => {
      const alone: Arrays = tangents.map((_, k) => k === i ? tangent : undefined);
      tangentOf(alone).forEach((v, k) => sum[k] += v);
    });
    assertClose(tangentOf(tangents), sum, 1e-5, what);
    assert.ok(tangentOf([]).every((v) => v === 0), `${what}: no tangents`);
  });

  Deno.test(`${title}: its gradient is the adjoint of its tangent`, () => {
    const subject = probe(sample, 300);
    const { operator, instance: { node }, path, tangents, gradients, what } = subject;
    const forward = dot(gradients, operator.derivatives.tangent(node, path[2], tangents));
    const reverse = dot(gradientAt(subject, path[2]), tangents);
    const limit = 1e-5 * (forward.terms + reverse.terms);
    assert.ok(Math.abs(forward.sum - reverse.sum) <= limit, `${what}: ${forward.sum} ${reverse.sum}`);
  });

  Deno.test(`${title}: its gradient is linear in the gradients of the output`, () => {
    const subject = probe(sample, 400);
    const { instance, path, what } = subject;
    const { gradients: first, all } = subject;
    const second = first.map(({ length }, o) => normal(length, seededRandom(4 + o)));
    const of = (gradients: readonly Float32Array[]): Arrays => gradientAt({ ...subject, gradients }, path[2]);
    const combined = of(first.map((g, o) => g.map((v, i) => 2 * v - second[o][i])));
    const parts = [of(first), of(second)];
    instance.tensors.forEach((_, i) => {
      if (!all[i]) return assert.equal(combined[i], undefined, what);
      const expected = Array.from(parts[0][i]!, (v, k) => 2 * v - parts[1][i]![k]);
      assertClose(combined[i]!, expected, 1e-5, `${what}, input ${i}`);
    });
  });

  Deno.test(`${title}: its curvature is the finite difference of its gradient`, () => {
    const subject = probe(sample, 500);
    const { path, tangents, what } = subject;
    const gradient = gradientAt(subject, path[2]);
    const expected = differences(gradientAt(subject, path[3]), gradientAt(subject, path[1]));
    curvatureAt(subject, tangents).forEach((found, i) => {
      if (!tangents[i]) return;
      const limit = TOLERANCE * largest(gradient[i]!, expected[i]); // the rounding of gradients counts too
      found.forEach((v, k) =>
        assert.ok(Math.abs(v - expected[i][k]) <= limit, `${what}, input ${i}, element ${k}: ${v} ${expected[i][k]}`)
      );
    });
  });

  if (sample.operator.derivatives.curvature) {
    Deno.test(`${title}: its curvature is symmetric`, () => {
      const subject = probe(sample, 600);
      const { tangents: first, what } = subject;
      const second = first.map((tangent, i) => tangent && normal(tangent.length, seededRandom(6 + i)));
      const there = dot(curvatureAt(subject, first), second);
      const back = dot(curvatureAt(subject, second), first);
      assert.ok(there.terms > 0, `${what}: a curvature that is always 0 is left out`);
      const limit = 1e-5 * (there.terms + back.terms);
      assert.ok(Math.abs(there.sum - back.sum) <= limit, `${what}: ${there.sum} ${back.sum}`);
    });
  }

  Deno.test(`${title}: gradients that are not wanted are undefined, the others stay the same`, () => {
    const subject = probe(sample, 700);
    const { operator: { derivatives }, instance: { node }, path, tangents, gradients, all, what } = subject;
    const calls = [
      (wanted: readonly boolean[]) => derivatives.gradient(node, path[2], gradients, wanted),
      (wanted: readonly boolean[]) => derivatives.curvature?.(node, path[2], tangents, gradients, wanted) ?? [],
    ];
    for (const call of calls) {
      const full = call(all);
      assert.ok([0, all.length].includes(full.length), `${what}: ${full.length} arrays for ${all.length} inputs`);
      assert.deepEqual(call([]).filter((found) => found !== undefined), [], what);
      all.forEach((isWanted, i) => {
        const alone = call(all.map((_, k) => isWanted && k === i));
        tangents.forEach((_, k) => assert.deepEqual(alone[k], k === i ? full[k] : undefined, `${what}, input ${k}`));
      });
    }
  });

  Deno.test(`${title}: derivatives are new arrays`, () => {
    const { operator: { derivatives }, instance: { node }, path, tangents, gradients, all, what } = probe(sample, 800);
    const results = [
      ...derivatives.tangent(node, path[2], tangents),
      ...derivatives.gradient(node, path[2], gradients, all),
      ...derivatives.curvature?.(node, path[2], tangents, gradients, all) ?? [],
    ].filter((found) => found !== undefined);
    const given = [...path[2].inputs, ...path[2].outputs].map((given) => given!.data.buffer);
    const moved = tangents.filter((tangent) => tangent !== undefined);
    const buffers = [...given, ...[...moved, ...gradients, ...results].map(({ buffer }) => buffer)];
    // Outputs of Identity are its inputs: what is given may be shared.
    assert.equal(
      new Set(buffers).size,
      new Set(given).size + moved.length + gradients.length + results.length,
      what,
    );
  });
}

Deno.test("a kink anywhere within two steps is found, none outside", () => {
  const clip = SAMPLES.find(({ title }) => title === "Clip sample 0")!.operator;
  const along = (start: number): Float32Array[] =>
    [-2, -1, 0, 1, 2].map((k) => {
      const x = tensor("f32", [1], Float32Array.of(start + k * STEP));
      const node = { name: "n", op: "Clip", inputs: ["x"], outputs: ["y"], attributes: { low: 0, high: Infinity } };
      return (clip.forward(node, [x], [{ name: "y", dtype: "f32", shape: [1] }])[0] as FloatTensor).data;
    });
  for (let k = -19; k <= 19; k++) assert.equal(hasKink(along(k / 10 * STEP)), true, `${k / 10} steps`);
  for (const k of [-30, -2, 2, 30]) assert.equal(hasKink(along(k * STEP)), false, `${k} steps`);
});
