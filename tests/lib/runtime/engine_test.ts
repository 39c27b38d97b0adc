import assert from "node:assert/strict";
import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import type { LstmProblem } from "../../../lib/arith/problem.ts";
import type { Calibration } from "../../../lib/format/calibration.ts";
import type { IntegerNetwork } from "../../../lib/format/network.ts";
import { importModel } from "../../../lib/onnx/import.ts";
import { layersOf } from "../../../lib/ops/layers.ts";
import { canonicalize } from "../../../lib/passes/mod.ts";
import { quantizeGraph } from "../../../lib/quantize/quantize.ts";
import { BACKENDS, createEngine, type IntegerArray, type IntegerEngine } from "../../../lib/runtime/engine.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { workOf } from "../../../lib/runtime/problem_work.ts";
import { proveNoOverflow } from "../../../lib/runtime/overflow_proof.ts";
import { EVERY_KIND, randomInput } from "../format/every_kind.ts";
import { expectError } from "../format/expect_error.ts";
import { EXECUTES_NATIVE } from "../../kernels/x64_kernels/native_here.ts";
import { testdata } from "../verify/sample_subject.ts";

const BACKENDS_HERE = BACKENDS.filter((backend) => backend !== "native" || nativeStatus().isAvailable);

/** Copies of what every step stores, and the result. */
function trace(engine: IntegerEngine, input: ArrayLike<number>): IntegerArray[] {
  const outputs: IntegerArray[] = [];
  const result = engine.run(input, (step, output) => outputs[step] = output.slice());
  return [...outputs, result];
}

Deno.test("all backends compute the same integers at every step of every kind", () => {
  const reference = createEngine(EVERY_KIND, "scalar");
  const engines = BACKENDS_HERE.map((backend) => createEngine(EVERY_KIND, backend, undefined, { fused: false }));
  for (let seed = 0; seed < 50; seed++) {
    const input = randomInput(EVERY_KIND, seed);
    const expected = trace(reference, input);
    for (const engine of engines) {
      assert.deepEqual(trace(engine, input), expected, engine.backend);
      assert.deepEqual(engine.run(input), expected.at(-1), engine.backend);
    }
    assert.ok(new Set(expected.at(-2)).size > 1);
  }
});

Deno.test("sums take in convolutions: what is still stored, and the result, are the same integers", () => {
  const reference = createEngine(EVERY_KIND, "scalar");
  for (const backend of BACKENDS_HERE.filter((backend) => backend !== "scalar")) {
    const engine = createEngine(EVERY_KIND, backend);
    const fused = engine.schedule.filter(({ convolution }) => convolution !== undefined);
    assert.deepEqual(fused.map(({ step }) => EVERY_KIND.steps[step].name), ["make sum"]);
    const { step, convolution } = fused[0];
    assert.match(engine.kernels[step], /_convsum_/);
    assert.equal(engine.kernels[convolution!], "fused");
    for (let seed = 0; seed < 50; seed++) {
      const input = randomInput(EVERY_KIND, seed);
      const expected = trace(reference, input);
      trace(engine, input).forEach((output, i) =>
        assert.deepEqual(output, i === convolution ? undefined : expected[i], `${backend}, step ${i}`)
      );
      assert.deepEqual(engine.run(input), expected.at(-1), backend);
    }
  }
});

Deno.test("the strict form of WebAssembly has no relaxed instructions, the other one has", () => {
  const isRelaxed = (backend: "wasm" | "wasm-strict"): boolean =>
    createEngine(EVERY_KIND, backend).kernels.some((name) => name.endsWith("__wasmrelaxed"));
  assert.deepEqual([isRelaxed("wasm"), isRelaxed("wasm-strict")], [true, false]);
});

Deno.test("a run tells when its input lies in memory, then of every step", () => {
  const events: (number | string)[] = [];
  const input = randomInput(EVERY_KIND, 1);
  createEngine(EVERY_KIND, "wasm", undefined, { fused: false }).run(
    input,
    (step) => events.push(step),
    () => events.push("loaded"),
  );
  assert.deepEqual(events, ["loaded", ...EVERY_KIND.steps.keys()]);
});

Deno.test("a run leaves nothing behind that the next one sees", () => {
  for (const backend of BACKENDS_HERE) {
    const engine = createEngine(EVERY_KIND, backend);
    const [a, b] = [randomInput(EVERY_KIND, 1), randomInput(EVERY_KIND, 2)];
    const first = trace(engine, a);
    trace(engine, b);
    assert.deepEqual(trace(engine, a), first, backend);
  }
});

Deno.test("engines say what computes each step", () => {
  const { kernels, module } = createEngine(EVERY_KIND, "wasm", undefined, { fused: false });
  assert.equal(kernels.length, EVERY_KIND.steps.length);
  EVERY_KIND.steps.forEach(({ problem }, i) => {
    if (problem === undefined) assert.equal(kernels[i], "alias");
    else assert.match(kernels[i], /__wasm(simd|relaxed)$/);
  });
  assert.ok(module!.length > 8);
  const scalar = createEngine(EVERY_KIND, "scalar");
  assert.deepEqual(new Set(scalar.kernels), new Set(["scalar", "alias"]));
  assert.equal(scalar.module, undefined);
});

Deno.test("an input of another length is refused before anything runs", () => {
  const engine = createEngine(EVERY_KIND, "wasm");
  assert.throws(() => engine.run([1, 2, 3]), /takes 32 integers, found 3/);
});

/** The network of a trained model at 8/8, every range [-1, 1]: sizes and lifetimes do not depend on ranges. */
function networkOf(name: string): IntegerNetwork {
  const { bytes } = testdata(`models/${name}.onnx`);
  const graph = canonicalize(importModel(bytes, { where: name }).graph);
  const ranges = { "min-max": { any: { min: -1, max: 1 } } };
  const calibration: Calibration = {
    method: "min-max",
    samples: 1,
    input: { name: graph.inputs[0], shape: [1, 28, 28] },
    tensors: Array.from(graph.values.keys(), (name) => ({ name, ranges })),
    weights: [],
  };
  const layers = new Map(layersOf(graph).map((layer) => [layer.name, { weightBits: 8, activationBits: 8 }]));
  return quantizeGraph(graph, calibration, { layers });
}

for (const name of ["resnet20", "inception", "mobile"]) {
  Deno.test(`${name}: native code computes what WebAssembly does, at every step and in one go`, EXECUTES_NATIVE, () => {
    const network = networkOf(name);
    const backends = ["native", "wasm"] as const;
    const [native, wasm] = backends.map((backend) => createEngine(network, backend));
    const [nativeSteps, wasmSteps] = backends.map((backend) => createEngine(network, backend, name, { fused: false }));
    const { kernels } = nativeSteps;
    assert.ok(kernels.filter((kernel) => /__(avx512|amx)/.test(kernel)).length > kernels.length / 2);
    for (let seed = 0; seed < 3; seed++) {
      const input = randomInput(network, seed);
      const expected = trace(wasmSteps, input);
      assert.deepEqual(trace(nativeSteps, input), expected);
      assert.deepEqual(native.run(input), expected.at(-1));
      assert.deepEqual(wasm.run(input), expected.at(-1));
    }
  });
}

/** Every step that can have parts has them. */
const SPLIT_ALL = { partWork: 1, share: 0 };

Deno.test("steps in parts for any number of threads: the same integers of every kind, at every step and in one go", () => {
  const expected = [0, 1, 2].map((seed) => trace(createEngine(EVERY_KIND, "scalar"), randomInput(EVERY_KIND, seed)));
  for (const backend of BACKENDS_HERE.filter((backend) => backend !== "scalar")) {
    for (const threads of [1, 2, 3, 5]) {
      const options = { fused: false, threads, splitLimits: SPLIT_ALL };
      const engine = createEngine(EVERY_KIND, backend, "net", options);
      assert.equal(engine.split?.threads, threads === 1 ? undefined : threads, backend);
      expected.forEach((outputs, seed) => {
        const input = randomInput(EVERY_KIND, seed);
        assert.deepEqual(trace(engine, input), outputs, `${backend}, ${threads} threads`);
        assert.deepEqual(engine.run(input), outputs.at(-1));
      });
    }
  }
});

Deno.test("networks whose steps are too small have no parts, nor have those that mostly consist of such", () => {
  const splitLimits = { partWork: 1e5, share: 0.7 }; // more than a vector that finds its codes takes
  for (const backend of BACKENDS_HERE) {
    const engine = createEngine(EVERY_KIND, backend, "net", { threads: 2, splitLimits });
    assert.equal(engine.split, undefined);
    if (engine.module !== undefined) {
      assert.equal(engine.module.length, createEngine(EVERY_KIND, backend).module!.length);
    }
  }
  const works = createEngine(EVERY_KIND, "wasm").schedule.map(({ problem }) =>
    problem === undefined ? 0 : workOf(problem)
  );
  const total = works.reduce((sum, work) => sum + work, 0);
  const [largest, second] = works.toSorted((a, b) => b - a);
  const partWork = (largest + second) / 4;
  const stepsOf = (share: number): number | undefined =>
    createEngine(EVERY_KIND, "wasm", "net", { threads: 2, splitLimits: { partWork, share } }).split?.steps;
  assert.equal(stepsOf(largest / total - 0.01), 1);
  assert.equal(stepsOf(largest / total + 0.01), undefined);
});

for (const name of ["resnet20", "inception", "mobile"]) {
  Deno.test(`${name}: steps in parts give the same integers on every tier`, () => {
    const network = networkOf(name);
    const whole = createEngine(network, "wasm", name);
    for (const backend of BACKENDS_HERE.filter((backend) => backend !== "scalar")) {
      for (const threads of [2, 3]) {
        const engine = createEngine(network, backend, name, { threads, splitLimits: SPLIT_ALL });
        assert.ok(engine.split!.steps > engine.schedule.length / 2);
        for (let seed = 0; seed < 2; seed++) {
          const input = randomInput(network, seed);
          assert.deepEqual(engine.run(input), whole.run(input), `${backend}, ${threads} threads`);
        }
      }
    }
  });
}

for (const name of ["resnet20", "inception", "mobile"]) {
  Deno.test(`${name}: the arena is at most 1.2 times what any plan needs`, () => {
    const { memory } = createEngine(networkOf(name), "wasm");
    assert.ok(memory.arenaBytes <= 1.2 * memory.lowerBound, `${memory.arenaBytes} of ${memory.lowerBound} bytes`);
  });
}

/** The network of every kind with another problem in one step. */
function changed(output: string, change: (problem: never) => object): IntegerNetwork {
  const steps = EVERY_KIND.steps.map((step) =>
    step.output === output
      ? { ...step, problem: { ...step.problem!, ...change(step.problem as never) } as never }
      : step
  );
  return { ...EVERY_KIND, steps };
}

Deno.test("the proof is made again for what was loaded, and names step and channel", () => {
  const proofs = proveNoOverflow(EVERY_KIND, "net");
  assert.deepEqual(proofs.map(({ step }) => step), [
    "make conv",
    "make wide",
    "make index",
    "make gates",
    "make hidden",
    "make other",
    "make plain",
    "make coded",
    "make spread",
    "make narrow",
    "make y",
  ]);
  const reach = ({ bias }: { bias: Int32Array }) => ({ bias: bias.with(2, 2 ** 31 - 1) });
  expectError(
    "input",
    () => createEngine(changed("y", reach), "wasm", "net"),
    /net: step make y: output channel 2: .* int32/,
  );
  expectError(
    "input",
    () => createEngine(changed("coded", reach), "wasm", "net"),
    /net: step make coded: output channel 2: .* int32/,
  );
  const shallow = ({ output }: DynamicProductProblem) => ({
    output: { ...output, shifts: output.shifts.with(5, 26) },
  });
  expectError(
    "input",
    () => createEngine(changed("narrow", shallow), "wasm", "net"),
    /net: step make narrow: output channel 5: its shift 26 is less than 27, the largest exponent of its input/,
  );
  const negative = (_: unknown) => ({ shift: 63 });
  expectError(
    "input",
    () => createEngine(changed("sum", negative), "wasm", "net"),
    /step make sum: the shift 63 is outside/,
  );
});

Deno.test("the proof covers the sums and products of a recurrence", () => {
  const refuse = (change: (problem: LstmProblem) => Partial<LstmProblem>, expected: RegExp): void =>
    expectError("input", () => proveNoOverflow(changed("hidden", change), "net"), expected);
  refuse(
    ({ bias }) => ({ bias: bias.with(7, 2 ** 31 - 1) }),
    /net: step make hidden: row 7 of its weights: the sum can reach \d+, beyond int32/,
  );
  refuse(
    ({ inputMultipliers }) => ({ inputMultipliers: inputMultipliers.with(1, -1) }),
    /the multiplier -1 is outside/,
  );
  refuse(({ output }) => ({ output: { ...output, shift: 63 } }), /the shift 63 is outside/);
});

Deno.test("accumulators bound the gates that read them, other tensors count with all that int32 holds", () => {
  const multipliers = new Int32Array(12).fill(2 ** 31 - 1);
  const bias = new Int32Array(12).fill(2 ** 31 - 10000);
  const network = changed(
    "hidden",
    () => ({ inputMultipliers: multipliers, recurrentMultipliers: multipliers, bias, shift: 62 }),
  );
  proveNoOverflow(network, "net");
  const steps = network.steps.map((step) => step.output === "gates" ? { ...step, output: "others" } : step);
  expectError(
    "input",
    () => proveNoOverflow({ ...network, steps }, "net"),
    /step make hidden: the sum of a gate's input can leave 64 bits/,
  );
});

Deno.test("accumulators bound the sums that read them, other tensors count with all that their dtype holds", () => {
  const term = { dtype: "i32", zeroPoint: 0, multipliers: Int32Array.of(2 ** 31 - 1) };
  const network = changed("sum", () => ({ terms: [term, term, term] }));
  const reading = (input: string): IntegerNetwork => ({
    ...network,
    steps: network.steps.map((step) => step.output === "sum" ? { ...step, inputs: [input, input, input] } : step),
  });
  proveNoOverflow(reading("wide"), "net");
  expectError("input", () => proveNoOverflow(reading("y"), "net"), /step make sum: the sum can leave 64 bits/);
});
