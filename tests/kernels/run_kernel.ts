import assert from "node:assert/strict";
import type { Problem, WasmKernel } from "../../kernels/kernel.ts";
import { ModuleBuilder } from "../../kernels/wasm/module.ts";
import { writtenInputs } from "../../lib/arith/problem.ts";
import { bytesOfArray, type TypedArray } from "../../lib/tensor/dtype.ts";

const PAGE = 65536;
const GUARD = 64;
const GUARD_BYTE = 0xa5;

/** A kernel in memory, ready to be called again and again on the same buffers. */
export interface LoadedKernel {
  readonly module: Uint8Array<ArrayBuffer>;
  readonly call: () => void;
  /** The output's bytes, copied. */
  readonly readOutput: () => Uint8Array<ArrayBuffer>;
  /** The bytes of an input. */
  readonly readInput: (input: number) => Uint8Array;
  /** Fails where a byte around the output, an input or a constant has changed, or one of an input that is not a state. */
  readonly checkUntouched: () => void;
}

/** Lays out constants, scratch, inputs and output with guard bytes around each, as a runtime would without them. */
export function loadKernel<P extends Problem>(
  kernel: WasmKernel<P>,
  problem: P,
  inputs: readonly TypedArray[],
  outputBytes: number,
): LoadedKernel {
  assert(kernel.supports(problem), `${kernel.name} does not support the problem`);
  const builder = new ModuleBuilder();
  builder.export("kernel", kernel.emit(problem, builder));
  const module = builder.toBytes();

  let end = GUARD;
  const place = (bytes: number): number => {
    const address = end;
    end = Math.ceil((end + bytes + GUARD) / 16) * 16;
    return address;
  };
  const constants = kernel.pack(problem);
  const contents = [constants, ...inputs.map(bytesOfArray)];
  const addresses = contents.map((bytes) => place(bytes.length));
  const output = place(outputBytes);
  const scratchBytes = kernel.scratchBytes(problem);
  const scratch = place(scratchBytes);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE) });
  const bytes = new Uint8Array(memory.buffer).fill(GUARD_BYTE);
  contents.forEach((content, i) => bytes.set(content, addresses[i]));
  const before = bytes.slice();

  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  const run = instance.exports.kernel as (...addresses: number[]) => void;
  const parameters = [addresses[0], scratch, output, ...addresses.slice(1)];
  const readInput = (input: number): Uint8Array => {
    const address = addresses[1 + input];
    return bytes.subarray(address, address + inputs[input].byteLength);
  };
  return {
    module,
    call: () => run(...parameters),
    readOutput: () => bytes.slice(output, output + outputBytes),
    readInput,
    checkUntouched: () => {
      for (const input of writtenInputs(problem)) before.set(readInput(input), addresses[1 + input]);
      before.set(bytes.subarray(output, output + outputBytes), output);
      before.set(bytes.subarray(scratch, scratch + scratchBytes), scratch);
      const changed = before.findIndex((byte, i) => byte !== bytes[i]);
      assert.equal(changed, -1, `${kernel.name} wrote at ${changed}, the output is ${output} + ${outputBytes}`);
    },
  };
}

/**
 * Runs a kernel once and returns its output in an array like `expected`, after checking that nothing else was written but
 * `inputs` that are states.
 */
export function runKernel<P extends Problem, A extends TypedArray>(
  kernel: WasmKernel<P>,
  problem: P,
  inputs: readonly TypedArray[],
  expected: A,
): A {
  const loaded = loadKernel(kernel, problem, inputs, expected.byteLength);
  loaded.call();
  loaded.checkUntouched();
  for (const input of writtenInputs(problem)) bytesOfArray(inputs[input]).set(loaded.readInput(input));
  return new (expected.constructor as new (buffer: ArrayBuffer) => A)(loaded.readOutput().buffer);
}
