import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import { packConstantBlocks } from "../convolution/constant_blocks.ts";
import { integerEpilogue } from "../convolution/integer_epilogue.ts";
import { PRODUCTS, weightTransform } from "./minimal_filtering.ts";
import { winogradBlocks, type WinogradLayout } from "./tiles.ts";

/** The `constants` of a convolution: blocks of outputs, as `winogradBlock` says. */
export function packWinograd(problem: AnyConvolutionProblem, layout: WinogradLayout): Uint8Array {
  const { inputChannels, weights } = problem;
  const epilogue = integerEpilogue(problem);
  const blocks = winogradBlocks(layout, epilogue);
  const constants = packConstantBlocks(blocks, [], new Uint32Array(0), () => {}, epilogue);
  const transformed = new Int16Array(constants.buffer);
  const transform = weightTransform();
  for (const { start, channel, channels, layout: { vectors } } of blocks) {
    const pairPitch = 8 * vectors;
    const productPitch = inputChannels / 2 * pairPitch;
    for (let o = 0; o < channels; o++) {
      const lane = start / 2 + 8 * (o >> 2) + 2 * (o & 3);
      for (let c = 0; c < inputChannels; c++) {
        const products = transform(weights, (channel + o) * 9 * inputChannels + c, inputChannels);
        const to = lane + (c >> 1) * pairPitch + (c & 1);
        for (let product = 0; product < PRODUCTS; product++) {
          transformed[to + product * productPitch] = products[product];
        }
      }
    }
  }
  return constants;
}
