import type { AnyConvolutionProblem, ConvolutionProblem } from "../../lib/arith/problem.ts";
import {
  channelParameterBytes,
  emitChannelRequantization,
  outputBytes,
  planChannels,
  writeChannelParameters,
} from "../requantize/channel_requantization.ts";
import type { Epilogue } from "./epilogue.ts";
import { sumEpilogue } from "./sum_epilogue.ts";

/**
 * Requantization, a sum with other terms, or the accumulators themselves. Accumulators are sums of stored integers, so
 * zero points are in the bias.
 */
export function integerEpilogue(problem: AnyConvolutionProblem): Epilogue {
  const { weights, bias, inputZeroPoint, outputChannels } = problem;
  const perChannel = weights.length / outputChannels;
  return {
    ...problem.kind === "convolution" ? requantizationEpilogue(problem) : sumEpilogue(problem),
    /**
     * bias[o] - inputZeroPoint * sum w[o, ..], where padding reads inputZeroPoint. Wraps as int32, which is harmless: the
     * sums do too, and the true value at their end is an int32.
     */
    writeBias: (view, position, channel) => {
      let sum = 0;
      for (let i = channel * perChannel; i < (channel + 1) * perChannel; i++) sum += weights[i];
      view.setInt32(position, bias[channel] - inputZeroPoint * sum, true);
    },
  };
}

function requantizationEpilogue(problem: ConvolutionProblem): Omit<Epilogue, "writeBias"> {
  const plan = planChannels(problem);
  return {
    outputBytes: outputBytes(plan),
    parameterBytes: channelParameterBytes(plan),
    writeParameters: (view, position, channel, lanes) => writeChannelParameters(plan, view, position, channel, lanes),
    emit: (f, tile) => emitChannelRequantization(f, plan, tile),
  };
}
