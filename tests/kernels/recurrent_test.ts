import assert from "node:assert/strict";
import { runReference } from "../../kernels/mod.ts";
import { activationTable } from "../../lib/arith/activation_table.ts";
import { dyadicFromRatio, dyadicsWithCommonShift } from "../../lib/arith/dyadic.ts";
import type { RecurrentProblem } from "../../lib/arith/problem.ts";
import { seededRandom } from "../../lib/tensor/random.ts";

/** Scales of x W^T + Wb, of R and of h. */
const INPUT_SCALE = 1e-4;
const WEIGHT_SCALE = 0.4 / 127;
const HIDDEN_SCALE = 2 / 255;
const ZERO_POINT = 128;
const CELL_BITS = 13;

const [STEPS, HIDDEN] = [6, 9];
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Integers of a recurrence whose reals are known: those of `real` below. */
function integersOf(gates: number, seed: number) {
  const random = seededRandom(seed);
  const integers = (length: number, limit: number): number[] =>
    Array.from({ length }, () => random.integer(-limit, limit));
  const rows = gates * HIDDEN;
  const dyadics = dyadicsWithCommonShift([2 ** 12 * INPUT_SCALE, 2 ** 12 * WEIGHT_SCALE * HIDDEN_SCALE]);
  return {
    input: Int32Array.from(integers(STEPS * rows, 30000)),
    common: {
      steps: STEPS,
      batch: 1,
      hidden: HIDDEN,
      isReverse: false,
      carriesState: false,
      weights: Int8Array.from(integers(rows * HIDDEN, 127)),
      bias: Int32Array.from(integers(rows, 20000)),
      inputMultipliers: new Int32Array(rows).fill(dyadics.multipliers[0]),
      recurrentMultipliers: new Int32Array(rows).fill(dyadics.multipliers[1]),
      shift: dyadics.shift,
      cellTable: activationTable(Math.tanh),
    },
    gateTable: activationTable(logistic),
  };
}

/** h before the clamp, whose unit is 2^-`bits`, stored as u8. */
function outputOf(bits: number) {
  return {
    dtype: "u8" as const,
    zeroPoint: ZERO_POINT,
    low: 0,
    high: 255,
    ...dyadicFromRatio(2 ** -bits / HIDDEN_SCALE),
  };
}

/** The equations of ONNX in float64 at one step: h and what else is kept of the last step to those of this. */
type FloatStep = (
  x: (gate: number, unit: number) => number,
  product: (gate: number, unit: number, h: readonly number[]) => number,
  h: readonly number[],
  c: readonly number[],
) => { readonly h: number[]; readonly c: number[] };

const units = (value: (unit: number) => number): number[] => Array.from({ length: HIDDEN }, (_, unit) => value(unit));

const floatLstm: FloatStep = (x, product, h, c) => {
  const gate = (g: number, unit: number): number => x(g, unit) + product(g, unit, h);
  const next = units((u) => logistic(gate(2, u)) * c[u] + logistic(gate(0, u)) * Math.tanh(gate(3, u)));
  return { h: units((u) => logistic(gate(1, u)) * Math.tanh(next[u])), c: next };
};

const floatGru = (isLinear: boolean): FloatStep => (x, product, h) => {
  const z = units((u) => logistic(x(0, u) + product(0, u, h)));
  const r = units((u) => logistic(x(1, u) + product(1, u, h)));
  const reset = h.map((value, u) => r[u] * value);
  const g = units((u) => Math.tanh(x(2, u) + (isLinear ? r[u] * product(2, u, h) : product(2, u, reset))));
  return { h: units((u) => (1 - z[u]) * g[u] + z[u] * h[u]), c: [] };
};

const floatRnn = (activation: (x: number) => number): FloatStep => (x, product, h) => ({
  h: units((u) => activation(x(0, u) + product(0, u, h))),
  c: [],
});

function floatOutputs(step: FloatStep, { weights, bias }: RecurrentProblem, input: Int32Array): number[] {
  const rows = bias.length;
  const product = (gate: number, unit: number, h: readonly number[]): number => {
    const row = gate * HIDDEN + unit;
    const sum = h.reduce((total, value, j) => total + WEIGHT_SCALE * weights[row * HIDDEN + j] * value, 0);
    return sum + WEIGHT_SCALE * HIDDEN_SCALE * bias[row];
  };
  let state = { h: units(() => 0), c: units(() => 0) };
  return Array.from({ length: STEPS }, (_, t) => {
    const x = (gate: number, unit: number): number => INPUT_SCALE * input[t * rows + gate * HIDDEN + unit];
    state = step(x, product, state.h, state.c);
    return state.h;
  }).flat();
}

/** Half a unit of h is rounded off; some units more through the steps that follow. */
const UNITS_OFF = 2;

function compare(
  name: string,
  step: FloatStep,
  make: (seed: number) => { problem: RecurrentProblem; input: Int32Array },
) {
  Deno.test(`the integer ${name} is near the equations of ONNX in float64`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { problem, input } = make(seed);
      const output = new Uint8Array(STEPS * HIDDEN);
      runReference(problem, [input], output);
      floatOutputs(step, problem, input).forEach((expected, i) => {
        const error = Math.abs(output[i] - ZERO_POINT - expected / HIDDEN_SCALE);
        assert(error <= UNITS_OFF, `seed ${seed}, element ${i}: ${error} units off`);
      });
    }
  });
}

compare("LSTM", floatLstm, (seed) => {
  const { input, common, gateTable } = integersOf(4, seed);
  return { input, problem: { kind: "lstm", ...common, gateTable, cellBits: CELL_BITS, output: outputOf(30) } };
});

for (const isLinear of [false, true]) {
  compare(`GRU with linear_before_reset = ${Number(isLinear)}`, floatGru(isLinear), (seed) => {
    const { input, common, gateTable } = integersOf(3, seed);
    return { input, problem: { kind: "gru", ...common, gateTable, isLinear, stateBits: 15, output: outputOf(15) } };
  });
}

compare("RNN", floatRnn(Math.tanh), (seed) => {
  const { input, common } = integersOf(1, seed);
  return { input, problem: { kind: "rnn", ...common, argumentBits: 12, output: outputOf(15) } };
});

compare("RNN of a clipped logistic function", floatRnn((x) => logistic(Math.min(Math.max(x, -1), 1))), (seed) => {
  const { input, common } = integersOf(1, seed);
  const cellTable = activationTable((x) => logistic(Math.min(Math.max(x, -1), 1)));
  return { input, problem: { kind: "rnn", ...common, cellTable, argumentBits: 12, output: outputOf(15) } };
});
