import type { FloatMaxPoolProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitMaxPool, packMaxPool } from "../max_pool/kernel.ts";

const NAME = "f32_maxpool__wasmsimd";

/** Max pooling of float32, four channels at a time. */
export const FLOAT_MAX_POOL_KERNELS: readonly WasmKernel<FloatMaxPoolProblem>[] = [{
  name: NAME,
  kind: "float_max_pool",
  supports: () => true,
  pack: ({ window, channels }) => packMaxPool(window, 4 * channels),
  scratchBytes: () => 0,
  emit: ({ window, channels }, module) =>
    module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) =>
      emitMaxPool(f, window, 4 * channels, {
        lowest: new Float32Array(4).fill(-Infinity),
        maximum: "f32x4.pmax",
      })),
}];
