import assert from "node:assert/strict";
import { evaluateGraph } from "../../../lib/float/evaluate.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { rowMajorStrides, type Shape, sizeOf } from "../../../lib/tensor/shape.ts";
import { type FloatTensor, forEachOffset, tensor } from "../../../lib/tensor/tensor.ts";
import { floats, info, int, model, node, text } from "../onnx/sample_model.ts";

const CELLS = {
  LSTM: { gates: 4, states: 2, activations: ["Sigmoid", "Tanh", "Tanh"] },
  GRU: { gates: 3, states: 1, activations: ["Sigmoid", "Tanh"] },
  RNN: { gates: 1, states: 1, activations: ["Tanh"] },
} as const;

type Cell = keyof typeof CELLS;

const FEATURES = 3;
const HIDDEN = 4;

function random(shape: Shape, seed: number): FloatTensor {
  const { normal } = seededRandom(seed);
  return tensor("f32", shape, Float32Array.from({ length: sizeOf(shape) }, () => normal()));
}

/** Weights of a cell in `directions`, with peepholes last for an LSTM. */
function weightsOf(cell: Cell, directions: number, seed = 1) {
  const rows = CELLS[cell].gates * HIDDEN;
  return {
    w: random([directions, rows, FEATURES], seed),
    r: random([directions, rows, HIDDEN], seed + 1),
    b: random([directions, 2 * rows], seed + 2),
    p: cell === "LSTM" ? random([directions, 3 * HIDDEN], seed + 3) : undefined,
  };
}

interface Options {
  readonly direction?: "forward" | "reverse" | "bidirectional";
  readonly clip?: number;
  readonly batchFirst?: boolean;
  /** The attribute that switches to the variant of the cell's equations. */
  readonly variant?: string;
}

interface Run {
  readonly x: FloatTensor;
  readonly weights: ReturnType<typeof weightsOf>;
  readonly options?: Options;
  readonly lengths?: readonly number[];
  readonly states?: readonly FloatTensor[];
}

/** Y and the last states of a node of ONNX, in ONNX order. */
function run(cell: Cell, { x, weights: { w, r, b, p }, options = {}, lengths, states = [] }: Run): FloatTensor[] {
  const { direction = "forward", clip, batchFirst = false, variant } = options;
  const constants = Object.entries({ w, r, b, ...p && { p } });
  const inputs = new Map([["x", x], ...states.map((state, i) => [["h", "c"][i], state] as const)]);
  const outputs = ["y", "hn", "cn"].slice(0, 1 + CELLS[cell].states);
  const names = `x w r b ${lengths ? "lengths" : "-"} ${inputs.has("h") ? "h" : "-"}`;
  const more = cell === "LSTM" ? `${inputs.has("c") ? "c" : "-"} ${p ? "p" : "-"}` : "";
  const bytes = model({
    input: Array.from(inputs, ([name, { shape }]) => info(name, shape)),
    output: outputs.map((name) => info(name, name === "y" ? ["?", "?", "?", "?"] : ["?", "?", "?"])),
    initializer: [
      ...constants.map(([name, { shape, data }]) => floats(name, shape, [...data])),
      ...lengths ? [{ name: "lengths", dims: [lengths.length], dataType: 6, int32Data: [...lengths] }] : [],
    ],
    node: [
      node(cell, `${names} ${more}`, outputs.join(" "), [
        text("direction", direction),
        int("layout", batchFirst ? 1 : 0),
        ...clip ? [{ name: "clip", type: 1, f: clip }] : [],
        ...variant ? [int(variant, 1)] : [],
      ], "n"),
    ],
  }, { opset: 14 });
  const inputShapes = Object.fromEntries(Array.from(inputs, ([name, { shape }]) => [name, shape]));
  const { graph } = importModel(bytes, { where: "n.onnx", inputShapes });
  const results = evaluateGraph(graph, inputs);
  return outputs.map((name) => results.get(name) as FloatTensor);
}

/** The tensor from `first` to before `end` on an axis, backward where `end` is less than `first`. */
function slice(source: FloatTensor, axis: number, first: number, end: number): FloatTensor {
  const strides = rowMajorStrides(source.shape);
  const shape = source.shape.with(axis, Math.abs(end - first));
  const steps = strides.with(axis, end < first ? -strides[axis] : strides[axis]);
  const data = new Float32Array(sizeOf(shape));
  forEachOffset(
    shape,
    steps,
    rowMajorStrides(shape),
    (from, to) => data[to] = source.data[first * strides[axis] + from],
  );
  return tensor("f32", shape, data);
}

function transposed(source: FloatTensor, permutation: readonly number[]): FloatTensor {
  const strides = rowMajorStrides(source.shape);
  const shape = permutation.map((axis) => source.shape[axis]);
  const data = new Float32Array(source.data.length);
  const from = permutation.map((axis) => strides[axis]);
  forEachOffset(shape, from, rowMajorStrides(shape), (s, t) => data[t] = source.data[s]);
  return tensor("f32", shape, data);
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0);
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

/** Row `row` of W x (or R h) plus its bias. */
function rowOf(matrix: FloatTensor, row: number, vector: Float32Array, bias: number): number {
  return dot(matrix.data.subarray(row * vector.length, (row + 1) * vector.length), vector) + bias;
}

for (const cell of Object.keys(CELLS) as Cell[]) {
  const x = random([5, 2, FEATURES], 10);

  Deno.test(`${cell}: a sequence in two parts, the state carried over, is the sequence`, () => {
    const weights = weightsOf(cell, 1);
    const [y, ...last] = run(cell, { x, weights });
    const [before, ...states] = run(cell, { x: slice(x, 0, 0, 2), weights });
    const [after, ...end] = run(cell, { x: slice(x, 0, 2, 5), weights, states });
    assertClose([...before.data, ...after.data], y.data);
    end.forEach((state, i) => assertClose(state.data, last[i].data));
  });

  Deno.test(`${cell}: the sequences of a batch are computed by themselves, each to its own length`, () => {
    for (const direction of ["forward", "reverse"] as const) {
      const weights = weightsOf(cell, 1);
      const lengths = [5, 3];
      const [y, h] = run(cell, { x, weights, options: { direction }, lengths });
      lengths.forEach((length, n) => {
        const alone = slice(slice(x, 1, n, n + 1), 0, 0, length);
        const [expected, last] = run(cell, { x: alone, weights, options: { direction } });
        const found = slice(y, 2, n, n + 1).data;
        assert.deepEqual(found.slice(0, length * HIDDEN), expected.data);
        assert.ok(found.slice(length * HIDDEN).every((v) => v === 0));
        assert.deepEqual(slice(h, 1, n, n + 1).data, last.data);
      });
    }
  });

  Deno.test(`${cell}: a sequence of length 0 ends in its initial state`, () => {
    const states = [random([1, 2, HIDDEN], 20), random([1, 2, HIDDEN], 21)].slice(0, CELLS[cell].states);
    const [y, ...last] = run(cell, { x, weights: weightsOf(cell, 1), lengths: [0, 0], states });
    assert.ok(y.data.every((v) => v === 0));
    last.forEach((state, i) => assert.deepEqual(state.data, states[i].data));
  });

  Deno.test(`${cell}: backward is forward in time reversed, both directions are one beside the other`, () => {
    const both = weightsOf(cell, 2);
    const direction = (d: number): Run["weights"] => ({
      w: slice(both.w, 0, d, d + 1),
      r: slice(both.r, 0, d, d + 1),
      b: slice(both.b, 0, d, d + 1),
      p: both.p && slice(both.p, 0, d, d + 1),
    });
    const [y, ...last] = run(cell, { x, weights: both, options: { direction: "bidirectional" } });
    const [first, ...firstStates] = run(cell, { x, weights: direction(0) });
    const [second, ...secondStates] = run(cell, { x: slice(x, 0, 4, -1), weights: direction(1) });
    assert.deepEqual(slice(y, 1, 0, 1).data, first.data);
    assert.deepEqual(slice(y, 1, 1, 2).data, slice(second, 0, 4, -1).data);
    last.forEach((state, i) =>
      assert.deepEqual(state.data, Float32Array.of(...firstStates[i].data, ...secondStates[i].data))
    );
  });

  Deno.test(`${cell}: with the batch first everything but its layout is the same`, () => {
    const weights = weightsOf(cell, 2);
    const states = [random([2, 2, HIDDEN], 22), random([2, 2, HIDDEN], 23)].slice(0, CELLS[cell].states);
    const direction = "bidirectional";
    const [y, ...last] = run(cell, { x, weights, options: { direction }, lengths: [5, 4], states });
    const [found, ...foundLast] = run(cell, {
      x: transposed(x, [1, 0, 2]),
      weights,
      options: { direction, batchFirst: true },
      lengths: [5, 4],
      states: states.map((state) => transposed(state, [1, 0, 2])),
    });
    assert.deepEqual(found, transposed(y, [2, 0, 1, 3]));
    assert.deepEqual(foundLast, last.map((state) => transposed(state, [1, 0, 2])));
  });
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(found.length, expected.length);
  Array.from(found, (v, i) => assert.ok(Math.abs(v - expected[i]) <= 1e-6, `element ${i}: ${v} ${expected[i]}`));
}

Deno.test("LSTM: one step by the formulas of ONNX, with peepholes, coupled gates and clipping", () => {
  const x = random([1, 1, FEATURES], 30);
  const [h, c] = [random([1, 1, HIDDEN], 31), random([1, 1, HIDDEN], 32)];
  const weights = weightsOf("LSTM", 1);
  const { w, r, b: { data: bias }, p } = weights;
  for (const clip of [undefined, 0.5]) {
    for (const variant of [undefined, "input_forget"]) {
      const limited = (v: number): number => clip ? Math.min(Math.max(v, -clip), clip) : v;
      const [, nextH, nextC] = run("LSTM", { x, weights, options: { clip, variant }, states: [h, c] });
      for (let j = 0; j < HIDDEN; j++) {
        const sum = (gate: number): number => {
          const row = gate * HIDDEN + j;
          return rowOf(w, row, x.data, bias[row]) + rowOf(r, row, h.data, bias[4 * HIDDEN + row]);
        };
        const peephole = (gate: number): number => p!.data[gate * HIDDEN + j];
        const i = sigmoid(limited(sum(0) + peephole(0) * c.data[j]));
        const f = variant ? 1 - i : sigmoid(limited(sum(2) + peephole(2) * c.data[j]));
        const cell = f * c.data[j] + i * Math.tanh(limited(sum(3)));
        const o = sigmoid(limited(sum(1) + peephole(1) * cell));
        assertClose([nextC.data[j], nextH.data[j]], [cell, o * Math.tanh(limited(cell))]);
      }
    }
  }
});

Deno.test("GRU: one step by the formulas of ONNX, reset before and after the product", () => {
  const x = random([1, 1, FEATURES], 40);
  const h = random([1, 1, HIDDEN], 41);
  const weights = weightsOf("GRU", 1);
  const { w, r, b: { data: bias } } = weights;
  for (const variant of [undefined, "linear_before_reset"]) {
    const [, next] = run("GRU", { x, weights, options: { variant }, states: [h] });
    const input = (row: number): number => rowOf(w, row, x.data, bias[row]);
    const recurrent = (row: number, vector: Float32Array): number => rowOf(r, row, vector, bias[3 * HIDDEN + row]);
    const gate = (first: number): Float64Array =>
      Float64Array.from({ length: HIDDEN }, (_, j) => sigmoid(input(first + j) + recurrent(first + j, h.data)));
    const [z, reset] = [gate(0), gate(HIDDEN)];
    const resetH = h.data.map((v, j) => v * reset[j]);
    for (let j = 0; j < HIDDEN; j++) {
      const row = 2 * HIDDEN + j;
      const part = variant ? reset[j] * recurrent(row, h.data) : recurrent(row, resetH);
      assertClose([next.data[j]], [(1 - z[j]) * Math.tanh(input(row) + part) + z[j] * h.data[j]]);
    }
  }
});

Deno.test("lengths that X does not have are errors that name the node", () => {
  const x = random([2, 2, FEATURES], 50);
  for (const length of [-1, 3]) {
    assert.throws(
      () => run("RNN", { x, weights: weightsOf("RNN", 1), lengths: [2, length] }),
      new RegExp(`node n \\(RNN\\): sequence 1 has length ${length}, expected 0 to 2`),
    );
  }
});
