import fc from "fast-check";
import type { Window } from "../../../lib/tensor/window.ts";

/** One axis of a window that has at least one output position. */
interface Axis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

function axis(largestInput: number, largestKernel: number): fc.Arbitrary<Axis> {
  return fc.record({
    input: fc.integer({ min: 1, max: largestInput }),
    kernel: fc.integer({ min: 1, max: largestKernel }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 3 }),
    after: fc.integer({ min: 0, max: 3 }),
  }).filter((a) => outputExtent(a) >= 1);
}

function outputExtent({ input, kernel, stride, dilation, before, after }: Axis): number {
  return Math.floor((input + before + after - (kernel - 1) * dilation - 1) / stride) + 1;
}

/** Windows with strides 1..3, dilations, and padding that differs on each side; some without padding. */
export function randomWindow(largestInput: number, largestKernel: number = 4): fc.Arbitrary<Window> {
  return fc.tuple(axis(largestInput, largestKernel), axis(largestInput, largestKernel), fc.boolean()).map(
    ([vertical, horizontal, padded]) => {
      const unpadded = (a: Axis): Axis => ({ ...a, before: 0, after: 0 });
      const bare = [unpadded(vertical), unpadded(horizontal)];
      const [v, h] = !padded && bare.every((a) => outputExtent(a) >= 1) ? bare : [vertical, horizontal];
      return {
        inputHeight: v.input,
        inputWidth: h.input,
        outputHeight: outputExtent(v),
        outputWidth: outputExtent(h),
        kernelHeight: v.kernel,
        kernelWidth: h.kernel,
        strideY: v.stride,
        strideX: h.stride,
        dilationY: v.dilation,
        dilationX: h.dilation,
        padTop: v.before,
        padLeft: h.before,
        padBottom: v.after,
        padRight: h.after,
      };
    },
  );
}
