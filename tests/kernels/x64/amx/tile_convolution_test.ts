import assert from "node:assert/strict";
import fc from "fast-check";
import { TILE_CONVOLUTION_KERNELS } from "../../../../kernels/x64/amx/tile_convolution.ts";
import { tilePairs } from "../../../../kernels/x64/amx/tile_layout.ts";
import { NATIVE_FEATURES, selectNativeKernel } from "../../../../kernels/x64/mod.ts";
import type { ConvolutionProblem } from "../../../../lib/arith/problem.ts";
import { POINT_WINDOW } from "../../../../lib/tensor/window.ts";
import { EXECUTES_NATIVE } from "../../x64_kernels/native_here.ts";
import { emulation, runEmulated } from "./emulator.ts";

Deno.test("pairs of tiles cover every position, and nothing else", () => {
  const extent = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 4000 }));
  fc.assert(fc.property(extent, extent, (rows, columns) => {
    const { size, down, across, second } = tilePairs(rows, columns);
    assert(size <= 16);
    const covered = (extent: number, step: number, count: number, apart: number, size: number): boolean => {
      const starts = Array.from({ length: count }, (_, i) => i * step);
      const ends = [...starts, ...starts.map((start) => start + apart)].toSorted((a, b) => a - b);
      return ends[0] === 0 && ends.at(-1)! + size === extent &&
        ends.every((start, i) => i === 0 || start <= ends[i - 1] + size);
    };
    assert(covered(rows, 1, down, second?.rows ?? 0, 1));
    assert(covered(columns, size, across, second?.columns ?? 0, size));
  }));
});

/** A convolution of a square image that leaves its size. */
function problemOf(extent: number, kernel: number, inputs: number, outputs: number, groups = 1): ConvolutionProblem {
  const pad = (kernel - 1) / 2;
  return {
    kind: "convolution",
    window: {
      ...POINT_WINDOW,
      inputHeight: extent,
      inputWidth: extent,
      outputHeight: extent,
      outputWidth: extent,
      kernelHeight: kernel,
      kernelWidth: kernel,
      padTop: pad,
      padLeft: pad,
      padBottom: pad,
      padRight: pad,
    },
    inputChannels: inputs,
    outputChannels: outputs,
    groups,
    inputZeroPoint: 0,
    inputHigh: 255,
    weights: new Int8Array(outputs * kernel * kernel * inputs / groups),
    bias: new Int32Array(outputs),
  };
}

const [KERNEL] = TILE_CONVOLUTION_KERNELS;

Deno.test("tiles are chosen where the processor has them and they pay", () => {
  const features = [...NATIVE_FEATURES, "amx_tile", "amx_int8"] as const;
  const chosen = (problem: ConvolutionProblem) => selectNativeKernel(problem, features) === KERNEL;
  // Layers of ResNet18 and ResNet50.
  for (
    const [extent, kernel, inputs, outputs] of [[56, 3, 64, 64], [28, 3, 128, 128], [7, 3, 512, 512], [56, 1, 64, 256]]
  ) {
    assert(chosen(problemOf(extent, kernel, inputs, outputs)), `${extent} ${kernel} ${inputs} ${outputs}`);
    assert.notEqual(selectNativeKernel(problemOf(extent, kernel, inputs, outputs), NATIVE_FEATURES), KERNEL);
  }
  assert(!chosen(problemOf(1, 1, 512, 1000)), "one position leaves tiles empty");
  assert(!chosen(problemOf(56, 3, 4, 4)), "few channels leave tiles empty");
  assert(!chosen(problemOf(28, 3, 64, 64, 2)), "groups are for other kernels");
});

Deno.test("code by tiles has no values of the problem in it", () => {
  const problem = problemOf(20, 3, 64, 70);
  const other = { ...problem, inputZeroPoint: 7, weights: problem.weights.map((_, i) => i % 255 - 127) };
  assert.deepEqual(KERNEL.generate(other), KERNEL.generate(problem));
  assert.equal(KERNEL.pack(other).length, KERNEL.pack(problem).length);
});

const { library, options: { ignore } } = await emulation();

Deno.test(
  "convolutions by emulated tiles equal the reference, however they are cut, and write nothing but their output",
  { ignore: ignore || EXECUTES_NATIVE.ignore },
  async () => {
    const seed = crypto.getRandomValues(new Int32Array(1))[0];
    const script = new URL("emulated_convolutions.ts", import.meta.url);
    const { success, stdout, stderr } = await runEmulated(library, script, [String(seed), "60"]);
    const text = new TextDecoder();
    assert(success, `seed ${seed}: ${text.decode(stderr)}`);
    const { instructions, met }: { instructions: number; met: Record<string, number> } = JSON.parse(
      text.decode(stdout),
    );
    assert(instructions > 10_000);
    for (const [way, count] of Object.entries(met)) assert(count > 0, `seed ${seed}: ${way} was not met`);
  },
);
