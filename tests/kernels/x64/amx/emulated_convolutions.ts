/**
 * Run under the emulator of tiles: `runs` random convolutions by tiles against the reference, from this seed. Prints how
 * many tile instructions that took, and how often each way to cut a problem was met, as JSON.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { runReference } from "../../../../kernels/mod.ts";
import { tileConvolution } from "../../../../kernels/x64/amx/tile_convolution.ts";
import { withSum } from "../../../../kernels/x64/convolution/with_sum.ts";
import { type TileLayout, tileLayout } from "../../../../kernels/x64/amx/tile_layout.ts";
import type { AnyConvolutionProblem } from "../../../../lib/arith/problem.ts";
import { POINT_WINDOW, type Window } from "../../../../lib/tensor/window.ts";
import { type ConvolutionShape, randomConvolution } from "../../random/convolution.ts";
import { randomConvolutionSum } from "../../random/convolution_sum.ts";
import type { KernelCase } from "../../random/values.ts";
import { randomWindow } from "../../random/window.ts";
import { runNativeKernel } from "../../x64_kernels/run_native_kernel.ts";
import { emulatedInstructions } from "./emulator.ts";

const seed = Number(Deno.args[0]);
const runs = Number(Deno.args[1]);

/** Sums and outputs around the edges of tiles; images whose rows are less than a tile, one, two and more. */
const shapes = fc.record({
  window: randomWindow(12).chain((window) => fc.constantFrom(window, widened(window))),
  groups: fc.constant(1),
  inputChannels: fc.oneof(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 60, max: 68 }),
    fc.constantFrom(16, 32, 130),
  ),
  outputChannels: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.integer({ min: 30, max: 34 }), fc.constant(65)),
});

/** The window over an image so wide that a row of outputs has 30 to 41 positions more. */
function widened<W extends { inputWidth: number; outputWidth: number; strideX: number }>(window: W): W {
  const more = 30 + window.inputWidth % 12;
  return { ...window, inputWidth: window.inputWidth + more * window.strideX, outputWidth: window.outputWidth + more };
}

/** Kernels whose working sets make bands of at most 1, 2 or 3 rows, and of all rows. */
function kernelsOf(problem: AnyConvolutionProblem) {
  const { blocks, rowPitch, outputRowPitch } = tileLayout(problem, 0);
  return [1, 2, 3, Infinity].map((rows) => {
    const workingSetBytes = blocks[0].block.bytes + rows * (rowPitch + outputRowPitch);
    const kernel = tileConvolution({ workingSetBytes, productsPerCycle: 0 });
    return { kernel: problem.kind === "convolution" ? kernel : withSum(kernel), workingSetBytes };
  });
}

/** Ways to cut a problem, each of which is code of its own. */
const WAYS: Readonly<Record<string, (layout: TileLayout, problem: AnyConvolutionProblem) => boolean>> = {
  "one tile": ({ bands }) => bands.some(({ pairs: { second } }) => second === undefined),
  "pairs of rows": ({ bands }) => bands.some(({ pairs: { second } }) => second !== undefined && second.rows > 0),
  "pairs in a row": ({ bands }) => bands.some(({ pairs: { second } }) => second !== undefined && second.columns > 0),
  "pairs side by side": ({ bands }) => bands.some(({ pairs: { across } }) => across > 1),
  "bands in a loop": ({ bands }) => bands.some(({ count }) => count > 1),
  "bands of two sizes": ({ bands }) => bands.length > 1,
  "several blocks of outputs": ({ blocks }) => blocks.length > 1,
  "blocks in a loop": ({ blocks }) => blocks.some(({ count }) => count > 1),
  "one vector of outputs": ({ blocks }) => blocks.some(({ block }) => block.vectors === 1),
  "chunks in a loop": ({ chunks }) => chunks > 4,
  "several chunks": ({ chunks }) => chunks > 1,
  "runs in a row": ({ sum }) => sum.runs > 1,
  "a sum": (_, { kind }) => kind === "convolution_sum",
};
const met: Record<string, number> = Object.fromEntries(Object.keys(WAYS).map((way) => [way, 0]));

/** Shapes that meet the ways which random ones seldom do. */
const SELDOM: readonly ConvolutionShape[] = [
  { window: imageOf(6, 7), groups: 1, inputChannels: 270, outputChannels: 65 },
  { window: imageOf(3, 40), groups: 1, inputChannels: 64, outputChannels: 33 },
  {
    window: { ...imageOf(4, 9), kernelWidth: 2, dilationX: 2, padRight: 2 },
    groups: 1,
    inputChannels: 70,
    outputChannels: 16,
  },
];

/** One tap over an image with a row and a column of padding before it. */
function imageOf(height: number, width: number): Window {
  return {
    ...POINT_WINDOW,
    inputHeight: height,
    inputWidth: width,
    outputHeight: height + 1,
    outputWidth: width + 1,
    padTop: 1,
    padLeft: 1,
  };
}

function check(shapes: fc.Arbitrary<ConvolutionShape>, numRuns: number): void {
  const cases = fc.oneof(randomConvolution(shapes), randomConvolutionSum(shapes));
  const property = fc.property(cases, ({ problem, inputs, output }: KernelCase<AnyConvolutionProblem>) => {
    runReference(problem, inputs, output);
    for (const { kernel, workingSetBytes } of kernelsOf(problem)) {
      if (!kernel.supports(problem)) continue;
      const layout = tileLayout(problem, workingSetBytes);
      for (const [way, isMet] of Object.entries(WAYS)) met[way] += Number(isMet(layout, problem));
      assert.deepEqual(runNativeKernel(kernel, problem, inputs, output), output);
    }
  });
  fc.assert(property, { numRuns, seed });
}

for (const shape of SELDOM) check(fc.constant(shape), 3);
check(shapes, runs);
console.log(JSON.stringify({ instructions: Number(emulatedInstructions()), met }));
