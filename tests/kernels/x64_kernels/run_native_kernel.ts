import assert from "node:assert/strict";
import { type Problem, READ_SLACK } from "../../../kernels/kernel.ts";
import type { NativeKernel } from "../../../kernels/x64/native_kernel.ts";
import { allocateNative, loadNative } from "../../../kernels/x64/native_memory.ts";
import { writtenInputs } from "../../../lib/arith/problem.ts";
import { bytesOfArray, type TypedArray } from "../../../lib/tensor/dtype.ts";

const GUARD_BYTE = 0xa5;
/** Bytes of scratch at first: NaN as floats, which no sum hides. */
const UNWRITTEN = 0xff;
const ALIGNMENT = 64;

/**
 * Runs a native kernel once and returns its output in an array like `expected`. Inputs and constants end as far before an
 * untouchable page as a kernel may read; no byte but those of output and scratch may change, and of `inputs` that are states.
 */
export function runNativeKernel<P extends Problem, A extends TypedArray>(
  kernel: NativeKernel<P>,
  problem: P,
  inputs: readonly TypedArray[],
  expected: A,
): A {
  assert(kernel.supports(problem), `${kernel.name} does not support the problem`);
  using code = loadNative(kernel.generate(problem));
  const scratchBytes = kernel.scratchBytes(problem);
  using stack = new DisposableStack();
  const place = (
    content: Uint8Array,
    slack: number,
  ): { address: bigint; unchanged: () => boolean; bytes: Uint8Array } => {
    const padded = Math.ceil((content.length + slack) / ALIGNMENT) * ALIGNMENT;
    const buffer = stack.use(allocateNative(ALIGNMENT + padded));
    buffer.bytes.fill(GUARD_BYTE);
    const bytes = buffer.bytes.subarray(ALIGNMENT, ALIGNMENT + content.length);
    bytes.set(content);
    const around = (): Uint8Array =>
      Uint8Array.of(...buffer.bytes.subarray(0, ALIGNMENT), ...buffer.bytes.subarray(ALIGNMENT + content.length));
    return {
      address: buffer.address + BigInt(ALIGNMENT),
      bytes,
      unchanged: () => around().every((byte) => byte === GUARD_BYTE),
    };
  };
  const constants = place(kernel.pack(problem), READ_SLACK);
  const scratch = place(new Uint8Array(scratchBytes).fill(UNWRITTEN), READ_SLACK);
  const output = place(new Uint8Array(expected.byteLength), 0);
  const sources = inputs.map((input) => place(bytesOfArray(input), READ_SLACK));
  const before = [constants, ...sources].map(({ bytes }) => bytes.slice());
  const addresses = [constants, scratch, output, ...sources].map(({ address }) => address);
  code.functionAt(0, addresses.length)(...addresses);
  for (const { unchanged } of [constants, scratch, output, ...sources]) {
    assert(unchanged(), `${kernel.name} wrote around its buffers`);
  }
  for (const input of writtenInputs(problem)) {
    bytesOfArray(inputs[input]).set(sources[input].bytes);
    before[1 + input] = sources[input].bytes.slice();
  }
  [constants, ...sources].forEach(({ bytes }, i) => assert.deepEqual(bytes.slice(), before[i]));
  return new (expected.constructor as new (buffer: ArrayBuffer) => A)(output.bytes.slice().buffer as ArrayBuffer);
}
