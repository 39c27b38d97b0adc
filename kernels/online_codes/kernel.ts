import type { OnlineCodesProblem } from "../../lib/arith/online_codes.ts";
import type { WasmKernel } from "../kernel.ts";
import { addCodingFunction, CODING_SCRATCH_BYTES } from "./coding_function.ts";

const NAME = "qu8_codes__wasmsimd";

/** Activations as codes that each vector finds for itself. */
export const ONLINE_CODES_KERNELS: readonly WasmKernel<OnlineCodesProblem>[] = [{
  name: NAME,
  kind: "online_codes",
  supports: () => true,
  pack: () => new Uint8Array(),
  scratchBytes: () => CODING_SCRATCH_BYTES,
  emit: (problem, module) => {
    const { vectors, length } = problem;
    const code = addCodingFunction(module, problem);
    return module.addFunction(NAME, { parameters: ["i32", "i32", "i32", "i32"] }, (f) => {
      const [, scratch, output, input] = f.parameters;
      f.repeat(vectors, () => {
        f.get(scratch).get(input).get(output).call(code).advance(input, length).advance(output, length);
      });
    });
  },
}];
