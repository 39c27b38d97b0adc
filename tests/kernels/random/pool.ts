import fc from "fast-check";
import type { AveragePoolProblem, MaxPoolProblem } from "../../../lib/arith/problem.ts";
import { allocate } from "../../../lib/tensor/dtype.ts";
import { validTaps, type Window } from "../../../lib/tensor/window.ts";
import {
  DTYPE_LIMITS,
  filledArray,
  type KernelCase,
  randomDType,
  randomFill,
  randomMultiplier,
  randomRange,
  randomShift,
  randomZeroPoint,
} from "./values.ts";
import { randomWindow } from "./window.ts";

function sizesOf(w: Window, channels: number): { input: number; output: number } {
  return { input: w.inputHeight * w.inputWidth * channels, output: w.outputHeight * w.outputWidth * channels };
}

export function randomMaxPool(): fc.Arbitrary<KernelCase<MaxPoolProblem>> {
  return fc.record({
    window: randomWindow(9),
    channels: fc.integer({ min: 1, max: 35 }),
    dtype: randomDType(),
    seed: fc.integer(),
    fill: randomFill(),
  }).map(({ window, channels, dtype, seed, fill }) => {
    const sizes = sizesOf(window, channels);
    return {
      problem: { kind: "max_pool" as const, window, channels, dtype },
      inputs: [filledArray(dtype, sizes.input, DTYPE_LIMITS[dtype], fill, seed)],
      output: allocate(dtype, sizes.output),
    };
  });
}

/** Average pools whose divisor is the number of taps inside the image (a divisor of its own for none). */
export function randomAveragePool(): fc.Arbitrary<KernelCase<AveragePoolProblem>> {
  return randomDType().chain((inputDtype) =>
    fc.record({
      window: randomWindow(9),
      channels: fc.integer({ min: 1, max: 10 }),
      inputZeroPoint: randomZeroPoint(inputDtype),
      rescales: fc.array(fc.record({ multiplier: randomMultiplier(), shift: randomShift() }), { minLength: 1 }),
      output: randomRange(),
      seed: fc.integer(),
      fill: randomFill(),
    }).map(({ window: w, channels, inputZeroPoint, rescales, output, seed, fill }) => {
      const sizes = sizesOf(w, channels);
      const inside = (i: number, stride: number, pad: number, kernel: number, dilation: number, input: number) => {
        const [first, end] = validTaps(i * stride - pad, kernel, dilation, input);
        return end - first;
      };
      const divisors = Int32Array.from({ length: w.outputHeight * w.outputWidth }, (_, position) => {
        const y = Math.floor(position / w.outputWidth);
        const x = position % w.outputWidth;
        return inside(y, w.strideY, w.padTop, w.kernelHeight, w.dilationY, w.inputHeight) *
          inside(x, w.strideX, w.padLeft, w.kernelWidth, w.dilationX, w.inputWidth);
      });
      // At most 36 taps: the window's sum stays an int32.
      const limits = inputDtype === "i32" ? [-(2 ** 25), 2 ** 25] as const : DTYPE_LIMITS[inputDtype];
      return {
        problem: {
          kind: "average_pool" as const,
          window: w,
          channels,
          inputDtype,
          inputZeroPoint,
          divisors,
          rescales: new Map([...new Set(divisors)].map((n, i) => [n, rescales[i % rescales.length]])),
          output,
        },
        inputs: [filledArray(inputDtype, sizes.input, limits, fill, seed)],
        output: allocate(output.dtype, sizes.output),
      };
    })
  );
}
