import assert from "node:assert/strict";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import type { IntegerNetwork } from "../../../lib/format/network.ts";
import { BACKENDS, createEngine } from "../../../lib/runtime/engine.ts";
import { stepKeys } from "../../../lib/runtime/step_key.ts";
import { EVERY_KIND } from "../format/every_kind.ts";

const CONVOLUTION = EVERY_KIND.steps.findIndex(({ problem }) => problem?.kind === "convolution" && problem.output);

function withConvolution(change: (problem: ConvolutionProblem) => Partial<ConvolutionProblem>): IntegerNetwork {
  return {
    ...EVERY_KIND,
    steps: EVERY_KIND.steps.map((step, i) => {
      const problem = step.problem as ConvolutionProblem; // of the step that is changed
      return i === CONVOLUTION ? { ...step, problem: { ...problem, ...change(problem) } } : step;
    }),
  };
}

for (const backend of BACKENDS) {
  const keys = (network: IntegerNetwork) => stepKeys(createEngine(network, backend));

  Deno.test(`${backend}: every step that moves integers has a key that names its kernel, aliases have none, a convolution has that of its sum`, () => {
    const engine = createEngine(EVERY_KIND, backend);
    const found = stepKeys(engine);
    EVERY_KIND.steps.forEach(({ problem }, i) => {
      const taking = engine.schedule.find(({ convolution }) => convolution === i);
      const isTaking = engine.schedule.some(({ step, convolution }) => step === i && convolution !== undefined);
      if (problem === undefined || isTaking) assert.equal(found[i], undefined);
      else if (taking) assert.match(found[i]!, /^qu\d_qs\dc_convsum_\S+ convolution .* \+ sum /);
      else assert.ok(found[i]!.startsWith(`${engine.kernels[i]} ${problem.kind} `), found[i]);
    });
    const known = found.filter((key) => key !== undefined);
    assert.equal(new Set(known).size, known.length);
    assert.deepEqual(stepKeys(createEngine(EVERY_KIND, backend)), found);
  });

  Deno.test(`${backend}: values of weights, biases and multipliers do not change a key, extents do`, () => {
    const before = keys(EVERY_KIND);
    const others = withConvolution(({ weights, bias, output }) => ({
      weights: weights.map((w) => w === 0 ? 0 : -w),
      bias: bias.map((b) => b + 1),
      output: { ...output!, multipliers: output!.multipliers.map((b) => b - 1) },
    }));
    assert.deepEqual(keys(others), before);
    const { window } = EVERY_KIND.steps[CONVOLUTION].problem as ConvolutionProblem; // chosen as one
    const narrow = withConvolution(() => ({
      window: { ...window, dilationX: 2, padLeft: window.padLeft + 1, padRight: window.padRight + 1 },
    }));
    const after = keys(narrow);
    assert.deepEqual(after.flatMap((key, i) => key === before[i] ? [] : [i]), [CONVOLUTION]);
  });
}

Deno.test("what changes the code changes the key: a clamp that was not needed before", () => {
  const keyOf = (high: number) =>
    stepKeys(createEngine(withConvolution(({ output }) => ({ output: { ...output!, low: 0, high } })), "wasm"))[
      CONVOLUTION
    ];
  assert.notEqual(keyOf(255), keyOf(15));
  assert.equal(keyOf(7), keyOf(15)); // one clamp or another
});
