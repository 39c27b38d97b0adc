import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { ConvolutionProblem } from "../../../lib/arith/problem.ts";
import { allocate, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";

/** A vector by a matrix of codes with clamps that bite; inputs and outputs that fill no unit and no block. */
export function sampleCodedConvolution(bits: number): {
  readonly problem: ConvolutionProblem;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
} {
  const random = seededRandom(bits);
  const [inputs, outputs] = [589, 117];
  const integers = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => random.integer(low, high));
  const elements = Uint8Array.from(integers(inputs * outputs, 0, 2 ** bits - 1));
  const largest = Math.floor(127 / bits);
  const codes = {
    bits,
    groupColumns: inputs,
    planes: packPlanes(elements, outputs, inputs, bits),
    multipliers: Int8Array.from(integers(outputs * bits, -largest, largest)),
  };
  const problem: ConvolutionProblem = {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: inputs,
    outputChannels: outputs,
    groups: 1,
    inputZeroPoint: 117,
    inputHigh: 255,
    weights: codedWeights(codes, outputs, inputs),
    codes,
    bias: Int32Array.from(integers(outputs, -99999, 99999)),
    output: {
      dtype: "u8",
      zeroPoint: 100,
      low: 3,
      high: 250,
      multipliers: Int32Array.from(integers(outputs, 2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from(integers(outputs, 41, 45)),
    },
  };
  return { problem, inputs: [Uint8Array.from(integers(inputs, 0, 255))], output: allocate("u8", outputs) };
}
