import assert from "node:assert/strict";
import { Assembler } from "../../../kernels/x64/assembler.ts";
import { featuresHere } from "../../../kernels/x64/cpu_features.ts";
import { nativeKernelsFor } from "../../../kernels/x64/mod.ts";
import type { NativeKernel } from "../../../kernels/x64/native_kernel.ts";
import { faultyKernels } from "../../../kernels/x64/self_test.ts";
import { EXECUTES_NATIVE } from "./native_here.ts";

Deno.test(
  "the self-test runs every kernel, and names those that are wrong or that it cannot try",
  EXECUTES_NATIVE,
  () => {
    const kernels = nativeKernelsFor(featuresHere());
    assert.deepEqual(faultyKernels(kernels), []);
    for (const kernel of kernels) {
      const wrong: NativeKernel = { ...kernel, name: "wrong", generate: () => new Assembler().emit("ret").finish() };
      const untried: NativeKernel = { ...kernel, name: "untried", supports: () => false };
      assert.deepEqual(faultyKernels([kernel, wrong, untried]), ["wrong", "untried"], kernel.name);
    }
  },
);
