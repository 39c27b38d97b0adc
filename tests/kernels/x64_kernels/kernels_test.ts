import assert from "node:assert/strict";
import fc from "fast-check";
import type { Problem } from "../../../kernels/kernel.ts";
import { runReference } from "../../../kernels/mod.ts";
import { NATIVE_KERNELS, selectNativeKernel } from "../../../kernels/x64/mod.ts";
import { randomConvolution, randomDenseShape, randomDepthwiseShape } from "../random/convolution.ts";
import { randomSum } from "../random/elementwise.ts";
import type { KernelCase } from "../random/values.ts";
import { runNativeKernel } from "./run_native_kernel.ts";

const FAMILIES: readonly { name: string; cases: fc.Arbitrary<KernelCase>; runs: number }[] = [
  { name: "dense and grouped convolution", cases: randomConvolution(randomDenseShape()), runs: 300 },
  { name: "depthwise convolution", cases: randomConvolution(randomDepthwiseShape()), runs: 200 },
  { name: "sum", cases: randomSum(), runs: 300 },
];

const runsByKernel = new Map<string, number>();

for (const { name, cases, runs } of FAMILIES) {
  Deno.test(`${name}: every native kernel equals the reference, and writes nothing but its output`, () => {
    fc.assert(
      fc.property(cases, ({ problem, inputs, output }: KernelCase<Problem>) => {
        runReference(problem, inputs, output);
        const kernels = NATIVE_KERNELS.filter((kernel) => kernel.kind === problem.kind && kernel.supports(problem));
        assert.equal(selectNativeKernel(problem), kernels[0]);
        for (const kernel of kernels) {
          runsByKernel.set(kernel.name, (runsByKernel.get(kernel.name) ?? 0) + 1);
          assert.deepEqual(runNativeKernel(kernel, problem, inputs, output), output, kernel.name);
        }
      }),
      { numRuns: runs },
    );
  });
}
