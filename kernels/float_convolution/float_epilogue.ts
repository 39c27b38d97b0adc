import type { FloatConvolutionProblem } from "../../lib/arith/problem.ts";
import type { Epilogue } from "../convolution/epilogue.ts";
import { emitStoreBytes } from "../requantize/store_lanes.ts";

/** min(max(sum, low), high). A limit that is infinite costs nothing. */
export function floatEpilogue({ bias, low, high }: FloatConvolutionProblem): Epilogue {
  return {
    outputBytes: 4,
    parameterBytes: 0,
    writeBias: (view, position, channel) => view.setFloat32(position, bias[channel], true),
    writeParameters: () => {},
    emit: (f, { accumulators, channels, output, outputOffsets }) => {
      const [lowest, highest] = f.locals("v128", 2);
      if (low > -Infinity) f.v128(new Float32Array(4).fill(low)).set(lowest);
      if (high < Infinity) f.v128(new Float32Array(4).fill(high)).set(highest);
      accumulators.forEach((row, v) => {
        row.forEach((accumulator, pixel) => {
          // pmax(a, b) is a < b ? b : a, the comparison of `clamp`: a NaN stays, and it is one instruction.
          if (low > -Infinity) f.get(accumulator).get(lowest).op("f32x4.pmax").set(accumulator);
          if (high < Infinity) f.get(accumulator).get(highest).op("f32x4.pmin").set(accumulator);
          const bytes = 4 * Math.min(4, channels - 4 * v);
          emitStoreBytes(f, accumulator, bytes, { base: output, offset: outputOffsets[pixel] + 16 * v });
        });
      });
    },
  };
}
