import assert from "node:assert/strict";
import { runReference, selectKernel } from "../../../kernels/mod.ts";
import { selectNativeKernel } from "../../../kernels/x64/mod.ts";
import { buildNativeProgram } from "../../../kernels/x64/native_program.ts";
import type { ConvolutionProblem, MaxPoolProblem } from "../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";
import { EXECUTES_NATIVE } from "./native_here.ts";

const CHANNELS = 20;
const STEP_BYTES = 128;

/** A matrix product that keeps its size, so that any number of them may follow each other. */
function product(seed: number): ConvolutionProblem {
  return {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: CHANNELS,
    outputChannels: CHANNELS,
    groups: 1,
    inputZeroPoint: seed,
    inputHigh: 255,
    weights: Int8Array.from({ length: CHANNELS * CHANNELS }, (_, i) => (i * (2 * seed + 7)) % 127 - 63),
    bias: new Int32Array(CHANNELS).fill(seed),
    output: {
      dtype: "u8",
      zeroPoint: 128,
      low: 0,
      high: 255,
      multipliers: new Int32Array(CHANNELS).fill(2 ** 30),
      shifts: new Uint8Array(CHANNELS).fill(38),
    },
  };
}

const POOL: MaxPoolProblem = { kind: "max_pool", window: POINT_WINDOW, channels: CHANNELS, dtype: "u8" };

Deno.test(
  "native and WebAssembly kernels take turns in one memory, in one call or each in its own",
  EXECUTES_NATIVE,
  () => {
    const native = [product(1), product(2), product(3)].map((problem) => ({
      kernel: selectNativeKernel(problem)!,
      problem,
    }));
    const pool = { kernel: selectKernel(POOL)!, problem: POOL };
    const entries = [native[0], native[1], pool, native[2]];
    const program = buildNativeProgram(entries, STEP_BYTES * (entries.length + 1));
    assert.ok(program.bytes !== undefined && program.bytes.length > 8);
    const arena = new Uint8Array(program.memory.buffer, program.arena, STEP_BYTES * (entries.length + 1));
    const at = (step: number): Uint8Array => arena.subarray(STEP_BYTES * step, STEP_BYTES * step + CHANNELS);
    const calls = entries.map((_, entry) => ({
      entry,
      inputs: [program.arena + STEP_BYTES * entry],
      output: program.arena + STEP_BYTES * (entry + 1),
    }));
    const [whole, none, ...single] = program.link([calls, [], ...calls.map((call) => [call])]);

    const values = [Uint8Array.from({ length: CHANNELS }, (_, i) => 12 * i)];
    entries.forEach(({ problem }, step) => {
      values.push(new Uint8Array(CHANNELS));
      runReference(problem, [values[step]], values[step + 1]);
    });
    for (const run of [whole, () => single.forEach((one) => one())]) {
      arena.fill(0xa5);
      at(0).set(values[0]);
      none();
      assert.ok(at(1).every((byte) => byte === 0xa5));
      run();
      values.forEach((expected, step) => assert.deepEqual(at(step), expected, `step ${step}`));
      assert.ok(arena.subarray(CHANNELS, STEP_BYTES).every((byte) => byte === 0xa5), "something between was written");
    }
  },
);

Deno.test("a program of native kernels alone has no module", EXECUTES_NATIVE, () => {
  const problem = product(1);
  assert.equal(buildNativeProgram([{ kernel: selectNativeKernel(problem)!, problem }], 64).bytes, undefined);
});

Deno.test("calls that stamp the time make the same bytes, and stamps count up", EXECUTES_NATIVE, () => {
  const entries = [product(1), product(2)].map((problem) => ({ kernel: selectNativeKernel(problem)!, problem }));
  const program = buildNativeProgram(entries, 3 * STEP_BYTES);
  const arena = new Uint8Array(program.memory.buffer, program.arena, 3 * STEP_BYTES);
  const calls = entries.map((_, entry) => ({
    entry,
    inputs: [program.arena + STEP_BYTES * entry],
    output: program.arena + STEP_BYTES * (entry + 1),
  }));
  arena.fill(7);
  program.link([calls])[0]();
  const expected = arena.slice();
  arena.fill(7);
  const stamps = program.linkStamped!(calls)!();
  assert.deepEqual(arena, expected);
  assert.equal(stamps.length, 3);
  assert.ok(stamps[0] < stamps[1] && stamps[1] < stamps[2], stamps.join());
  const pool = { kernel: selectKernel(POOL)!, problem: POOL };
  assert.equal(
    buildNativeProgram([...entries, pool], 256).linkStamped!([...calls, { ...calls[0], entry: 2 }]),
    undefined,
  );
});
