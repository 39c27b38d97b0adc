import type { ConvolutionProblem } from "../../lib/arith/problem.ts";
import {
  channelParameterBytes,
  emitChannelRequantization,
  outputBytes,
  planChannels,
  writeChannelParameters,
} from "../requantize/channel_requantization.ts";
import type { Epilogue } from "./epilogue.ts";

/** Requantization, or the accumulators themselves. Sums are of stored integers, so zero points are in the bias. */
export function integerEpilogue(problem: ConvolutionProblem): Epilogue {
  const plan = planChannels(problem);
  const { weights, bias, inputZeroPoint, outputChannels } = problem;
  const perChannel = weights.length / outputChannels;
  return {
    outputBytes: outputBytes(plan),
    parameterBytes: channelParameterBytes(plan),
    /**
     * bias[o] - inputZeroPoint * sum w[o, ..], where padding reads inputZeroPoint. Wraps as int32, which is harmless: the
     * sums do too, and the true value at their end is an int32.
     */
    writeBias: (view, position, channel) => {
      let sum = 0;
      for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) sum += weights[i];
      view.setInt32(position, bias[channel] - inputZeroPoint * sum, true);
    },
    writeParameters: (view, position, channel, lanes) => writeChannelParameters(plan, view, position, channel, lanes),
    emit: (f, tile) => emitChannelRequantization(f, plan, tile),
  };
}
