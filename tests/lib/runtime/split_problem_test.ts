import assert from "node:assert/strict";
import fc from "fast-check";
import { KERNELS, runReference } from "../../../kernels/mod.ts";
import type { Program } from "../../../kernels/program.ts";
import { NATIVE_KERNELS } from "../../../kernels/x64/mod.ts";
import type { KernelProblem } from "../../../lib/arith/problem.ts";
import { type Backend, kernelForAnyThread, LOADERS } from "../../../lib/runtime/backend.ts";
import { nativeStatus } from "../../../lib/runtime/native_status.ts";
import { workOf } from "../../../lib/runtime/problem_work.ts";
import { type ProblemPart, splitProblem } from "../../../lib/runtime/split_problem.ts";
import { bytesOfArray } from "../../../lib/tensor/dtype.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import { randomProductShape, withCodes } from "../../kernels/random/codes.ts";
import {
  randomConvolution,
  randomDenseShape,
  randomDepthwiseShape,
  randomSquareShape,
} from "../../kernels/random/convolution.ts";
import { randomConvolutionSum } from "../../kernels/random/convolution_sum.ts";
import { randomConcat, randomCopy, randomSum } from "../../kernels/random/elementwise.ts";
import { randomDynamicProduct } from "../../kernels/random/dynamic_product.ts";
import { randomAveragePool, randomMaxPool } from "../../kernels/random/pool.ts";
import { randomGather, randomGru, randomLstm, randomRnn, randomTable } from "../../kernels/random/recurrent.ts";
import { randomOnlineCodes } from "../../kernels/random/online_codes.ts";
import type { KernelCase } from "../../kernels/random/values.ts";

const MATRIX_TIMES_VECTOR = { window: POINT_WINDOW, inputChannels: 40, outputChannels: 267, groups: 1 };

const SPLIT: readonly { name: string; cases: fc.Arbitrary<KernelCase<KernelProblem>>; runs: number }[] = [
  { name: "dense and grouped convolution", cases: randomConvolution(randomDenseShape()), runs: 200 },
  { name: "convolution by minimal filtering", cases: randomConvolution(randomSquareShape()), runs: 100 },
  { name: "depthwise convolution", cases: randomConvolution(randomDepthwiseShape()), runs: 100 },
  { name: "matrix times vector", cases: randomConvolution(fc.constant(MATRIX_TIMES_VECTOR)), runs: 60 },
  { name: "convolution with a sum", cases: randomConvolutionSum(randomDenseShape()), runs: 200 },
  { name: "sum", cases: randomSum(), runs: 100 },
  { name: "concatenation", cases: randomConcat(), runs: 100 },
  { name: "max pool", cases: randomMaxPool(), runs: 100 },
  { name: "average pool", cases: randomAveragePool(), runs: 100 },
  { name: "table", cases: randomTable(), runs: 50 },
  { name: "codes of vectors", cases: randomOnlineCodes(), runs: 100 },
  { name: "products by codes", cases: withCodes(randomConvolution(randomProductShape()), true), runs: 100 },
  { name: "vectors of dynamic scales", cases: randomDynamicProduct(), runs: 60 },
  { name: "vectors of dynamic scales by codes", cases: withCodes(randomDynamicProduct(), true), runs: 60 },
  { name: "matrix of codes", cases: withCodes(randomConvolution(fc.constant(MATRIX_TIMES_VECTOR)), true), runs: 40 },
];
const WHOLE: readonly fc.Arbitrary<KernelCase<KernelProblem>>[] = [
  randomCopy(),
  randomGather(),
  randomLstm(),
  randomGru(),
  randomRnn(),
];

const TIERS = (["wasm", "wasm-strict", "native"] as const).filter((tier) =>
  tier !== "native" || nativeStatus().isAvailable
);
const GUARD = 64;
const GUARD_BYTE = 0xa5;

/** The bytes of the output by parts, each computed in place by the kernels of a backend for a thread of its own. */
function computeParts(
  parts: readonly ProblemPart[],
  { inputs, output }: KernelCase,
  backend: Backend,
): Uint8Array | undefined {
  if (parts.some(({ problem }) => kernelForAnyThread(problem, backend) === undefined)) return undefined;
  let end = GUARD;
  const [target, ...sources] = [output, ...inputs].map(({ byteLength }) => {
    const at = end;
    end = Math.ceil((end + byteLength + GUARD) / 64) * 64;
    return at;
  });
  const loaded = LOADERS[backend](parts.map(({ problem }) => problem), end, parts.length);
  const program = loaded.program as Program; // every part has a kernel
  const bytes = new Uint8Array(program.memory.buffer, program.arena, end).fill(GUARD_BYTE);
  inputs.forEach((input, i) => bytes.set(bytesOfArray(input), sources[i]));
  const expected = bytes.slice();
  const [run] = program.link([
    parts.map((part, thread) => ({
      entry: loaded.entries[thread]!, // as just said
      thread,
      output: program.arena + target + part.output * output.BYTES_PER_ELEMENT,
      inputs: sources.map((source, i) => program.arena + source + (part.inputs[i] ?? 0) * inputs[i].BYTES_PER_ELEMENT),
    })),
  ]);
  run();
  const found = bytes.slice(target, target + output.byteLength);
  expected.set(found, target);
  assert.deepEqual(bytes.slice(), expected, "nothing but the output is written");
  return found;
}

for (const { name, cases, runs } of SPLIT) {
  Deno.test(`${name}: its parts compute what the whole does, by reference and by the kernels of all tiers`, () => {
    const partCounts = new Set<number>();
    const tiers = new Set<Backend>();
    const kinds = new Set<string>();
    fc.assert(
      fc.property(cases, fc.constantFrom(1, 2, 3, 5), fc.boolean(), (kernelCase, count, areEqual) => {
        const { problem, inputs, output } = kernelCase;
        const expected = output.slice();
        runReference(problem, inputs, expected);
        const parts = splitProblem(problem, count, areEqual);
        assert.ok(parts.length <= count);
        partCounts.add(parts.length);
        kinds.add(problem.kind);
        const found = output.slice();
        for (const part of parts) {
          const sources = inputs.map((input, i) => input.subarray(part.inputs[i] ?? 0));
          const own = found.slice(part.output);
          runReference(part.problem, sources, own);
          found.set(own as never, part.output); // of one dtype
        }
        assert.deepEqual(found, expected);
        for (const tier of TIERS) {
          const bytes = computeParts(parts, kernelCase, tier);
          if (bytes === undefined) continue;
          tiers.add(tier);
          assert.deepEqual(bytes, bytesOfArray(expected).slice(), tier);
        }
      }),
      { numRuns: runs },
    );
    assert.ok(partCounts.has(2) && partCounts.has(3), `parts: ${[...partCounts]}`);
    const hasNative = NATIVE_KERNELS.some(({ kind }) => kinds.has(kind));
    assert.deepEqual([...tiers].sort(), TIERS.filter((tier) => tier !== "native" || hasNative).sort());
  });
}

Deno.test("kinds that have no parts stay whole, and every kind has its work", () => {
  for (const cases of WHOLE) {
    for (const { problem } of fc.sample(cases, 20)) assert.equal(splitProblem(problem, 3).length, 1);
  }
  const kinds = new Set<string>();
  for (const cases of [...SPLIT.map(({ cases }) => cases), ...WHOLE]) {
    for (const { problem } of fc.sample(cases, 5)) {
      kinds.add(problem.kind);
      assert.ok(workOf(problem) >= 0);
    }
  }
  const integer = KERNELS.map(({ kind }) => kind).filter((kind) => !kind.startsWith("float"));
  assert.deepEqual([...kinds].sort(), [...new Set(integer)].sort());
});
