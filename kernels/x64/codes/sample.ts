import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import type { ConvolutionProblem, RecurrentProblem } from "../../../lib/arith/problem.ts";
import { allocate, type TypedArray } from "../../../lib/tensor/dtype.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { POINT_WINDOW } from "../../../lib/tensor/window.ts";

interface Sample<P> {
  readonly problem: P;
  readonly inputs: readonly TypedArray[];
  readonly output: TypedArray;
}

function integers(seed: number, length: number, low: number, high: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length }, () => random.integer(low, high));
}

/** The sample with weights that are codes. */
export function withSampleCodes<P extends ConvolutionProblem | RecurrentProblem | DynamicProductProblem>(
  { problem, ...rest }: Sample<P>,
  bits: number,
): Sample<P> {
  const rows = problem.bias.length;
  const columns = problem.weights.length / rows;
  const elements = Uint8Array.from(integers(bits, rows * columns, 0, 2 ** bits - 1));
  const largest = Math.floor(127 / bits);
  const codes = {
    bits,
    groupColumns: columns,
    planes: packPlanes(elements, rows, columns, bits),
    multipliers: Int8Array.from(integers(bits + 4, rows * bits, -largest, largest)),
  };
  return { ...rest, problem: { ...problem, weights: codedWeights(codes, rows, columns), codes } };
}

/** A vector by a matrix of codes with clamps that bite; inputs and outputs that fill no unit and no block. */
export function sampleCodedConvolution(bits: number, inputHigh: number = 255): Sample<ConvolutionProblem> {
  const [inputs, outputs] = [589, 117];
  const problem: ConvolutionProblem = {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: inputs,
    outputChannels: outputs,
    groups: 1,
    inputZeroPoint: inputHigh >> 1,
    inputHigh,
    weights: new Int8Array(inputs * outputs),
    bias: Int32Array.from(integers(9, outputs, -99999, 99999)),
    output: {
      dtype: "u8",
      zeroPoint: 100,
      low: 3,
      high: 250,
      multipliers: Int32Array.from(integers(10, outputs, 2 ** 30, 2 ** 31 - 1)),
      shifts: Uint8Array.from(integers(11, outputs, 41, 45)),
    },
  };
  const input = Uint8Array.from(integers(12, inputs, 0, inputHigh));
  return withSampleCodes({ problem, inputs: [input], output: allocate("u8", outputs) }, bits);
}
