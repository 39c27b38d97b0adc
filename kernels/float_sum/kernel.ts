import type { FloatSumProblem } from "../../lib/arith/problem.ts";
import type { WasmKernel } from "../kernel.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";

const VECTOR_BYTES = 16;
const UNROLL = 4;

/** Each limit four times. */
function pack({ low, high }: FloatSumProblem): Uint8Array {
  return new Uint8Array(Float32Array.of(low, low, low, low, high, high, high, high).buffer);
}

function emitBody(f: FunctionBuilder, { size, terms }: FloatSumProblem): void {
  const [constants, , output, ...inputs] = f.parameters;
  const [lowest, highest, sum] = f.locals("v128", 3);
  f.get(constants).memory("v128.load").set(lowest).get(constants).memory("v128.load", VECTOR_BYTES).set(highest);

  /** The sum of the `bytes` bytes (at most 16) at an offset. */
  const block = (offset: number, bytes: number): void => {
    f.get(inputs[0]).memory("v128.load", offset);
    for (const input of inputs.slice(1, terms)) f.get(input).memory("v128.load", offset).op("f32x4.add");
    // pmax(a, b) is a < b ? b : a, the comparison of `clamp`.
    f.get(lowest).op("f32x4.pmax").get(highest).op("f32x4.pmin").set(sum);
    emitStoreBytes(f, sum, bytes, { base: output, offset });
  };

  const loopBytes = UNROLL * VECTOR_BYTES;
  f.repeat(Math.floor(4 * size / loopBytes), () => {
    for (let offset = 0; offset < loopBytes; offset += VECTOR_BYTES) block(offset, VECTOR_BYTES);
    for (const pointer of [output, ...inputs]) f.advance(pointer, loopBytes);
  });
  const rest = 4 * size % loopBytes;
  for (let offset = 0; offset < rest; offset += VECTOR_BYTES) block(offset, Math.min(VECTOR_BYTES, rest - offset));
}

const NAME = "f32_sum__wasmsimd";

/** float32 sums with limits. */
export const FLOAT_SUM_KERNELS: readonly WasmKernel<FloatSumProblem>[] = [{
  name: NAME,
  kind: "float_sum",
  supports: () => true,
  pack,
  scratchBytes: () => 0,
  emit: (problem, module) =>
    module.addFunction(
      NAME,
      { parameters: ["i32", "i32", "i32", ...new Array<"i32">(problem.terms).fill("i32")] },
      (f) => emitBody(f, problem),
    ),
}];
