import type { FloatConcatProblem } from "../../lib/arith/problem.ts";
import { emitCopyBytes } from "../copy/emit_copy_bytes.ts";
import type { WasmKernel } from "../kernel.ts";

const NAME = "f32_concat__wasmsimd";

/** Concatenations of float32. */
export const FLOAT_CONCAT_KERNELS: readonly WasmKernel<FloatConcatProblem>[] = [{
  name: NAME,
  kind: "float_concat",
  supports: () => true,
  pack: () => new Uint8Array(0),
  scratchBytes: () => 0,
  emit: ({ outer, inners }, module) => {
    const parameters = new Array<"i32">(3 + inners.length).fill("i32");
    return module.addFunction(NAME, { parameters }, (f) => {
      const [, , out, ...inputs] = f.parameters;
      f.repeat(outer, () => inners.forEach((inner, part) => emitCopyBytes(f, inputs[part], out, 4 * inner)));
    });
  },
}];
