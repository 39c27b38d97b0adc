import assert from "node:assert/strict";
import type { ConvolutionProblem, SumProblem } from "../../../lib/arith/problem.ts";
import type { IntegerNetwork, NetworkStep } from "../../../lib/format/network.ts";
import { schedule } from "../../../lib/runtime/schedule.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";

/** Accumulators of one channel, at most 127 * 255 + 1000. */
const CONVOLUTION: ConvolutionProblem = {
  kind: "convolution",
  window: POINT_WINDOW,
  inputChannels: 1,
  outputChannels: 1,
  groups: 1,
  inputZeroPoint: 0,
  inputHigh: 255,
  weights: Int8Array.of(127),
  bias: Int32Array.of(1000),
};
const BOUNDS = Float64Array.of(127 * 255 + 1000);

function sumOf(terms: number): SumProblem {
  return {
    kind: "sum",
    pixels: 1,
    channels: 1,
    terms: Array.from({ length: terms }, () => ({ dtype: "i32", zeroPoint: 0, multipliers: Int32Array.of(1) })),
    shift: 0,
    output: { dtype: "u8", zeroPoint: 0, low: 0, high: 255 },
  };
}

/** A network of steps written as `output = problem(inputs)`. */
function networkOf(output: string, ...steps: readonly [string, NetworkStep["problem"], readonly string[]][]) {
  return {
    output: { tensor: output },
    steps: steps.map(([output, problem, inputs]) => ({ name: output, operator: "Any", problem, inputs, output })),
  } as unknown as IntegerNetwork; // tensors are not read
}

const always = () => true;
const summary = (network: IntegerNetwork, fuses = always) =>
  schedule(network, fuses).map(({ convolution, output, inputs }) => [output, convolution, ...inputs]);

Deno.test("a sum takes in the latest convolution that only it reads, and runs in its own place", () => {
  const network = networkOf(
    "out",
    ["early", CONVOLUTION, ["x"]],
    ["late", CONVOLUTION, ["y"]],
    ["out", sumOf(2), ["late", "early"]],
  );
  assert.deepEqual(summary(network), [["early", undefined, "x"], ["out", 1, "y", "early"]]);
  const { problem } = schedule(network, always)[1];
  assert.ok(problem?.kind === "convolution_sum");
  assert.equal(problem.term, 0);
  assert.deepEqual(problem.bounds, [BOUNDS, BOUNDS]);
});

Deno.test("accumulators that are read elsewhere, twice, or after an alias, are stored", () => {
  const convolution = ["a", CONVOLUTION, ["x"]] as const;
  const separate = [["a", undefined, "x"]];
  assert.deepEqual(
    summary(networkOf("b", [...convolution], ["s", sumOf(2), ["a", "y"]], ["b", sumOf(1), ["a"]])),
    [...separate, ["s", undefined, "a", "y"], ["b", undefined, "a"]],
  );
  assert.deepEqual(summary(networkOf("s", [...convolution], ["s", sumOf(2), ["a", "a"]])), [
    ...separate,
    ["s", undefined, "a", "a"],
  ]);
  assert.deepEqual(summary(networkOf("a", [...convolution], ["s", sumOf(2), ["a", "y"]])), [
    ...separate,
    ["s", undefined, "a", "y"],
  ]);
  assert.deepEqual(summary(networkOf("s", [...convolution], ["b", undefined, ["a"]], ["s", sumOf(2), ["b", "y"]])), [
    ...separate,
    ["b", undefined, "a"],
    ["s", undefined, "b", "y"],
  ]);
});

Deno.test("requantized convolutions, and pairs that the backend does not take, stay apart", () => {
  const output = {
    dtype: "u8",
    zeroPoint: 0,
    low: 0,
    high: 255,
    multipliers: Int32Array.of(1),
    shifts: Uint8Array.of(0),
  };
  const requantized = { ...CONVOLUTION, output } as ConvolutionProblem; // dtype is one of the three
  const steps = (problem: ConvolutionProblem) => networkOf("s", ["a", problem, ["x"]], ["s", sumOf(2), ["y", "a"]]);
  const apart = [["a", undefined, "x"], ["s", undefined, "y", "a"]];
  assert.deepEqual(summary(steps(requantized)), apart);
  assert.deepEqual(summary(steps(CONVOLUTION), () => false), apart);
  assert.deepEqual(summary(steps(CONVOLUTION)), [["s", 0, "x", "y"]]);
});
