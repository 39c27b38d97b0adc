import type { AnyConvolutionProblem } from "../../lib/arith/problem.ts";
import { packConstantBlocks } from "../convolution/constant_blocks.ts";
import { integerEpilogue } from "../convolution/integer_epilogue.ts";
import { PRODUCTS, transformWeights } from "./minimal_filtering.ts";
import { winogradBlocks, type WinogradLayout } from "./tiles.ts";

/** The `constants` of a convolution: blocks of outputs, as `winogradBlock` says. */
export function packWinograd(problem: AnyConvolutionProblem, layout: WinogradLayout): Uint8Array {
  const { inputChannels, outputChannels } = problem;
  const epilogue = integerEpilogue(problem);
  const blocks = winogradBlocks(layout, epilogue);
  const perOutput = PRODUCTS * inputChannels;
  const positions = new Uint32Array(outputChannels * perOutput);
  let weight = 0;
  for (const { start, channels, layout: { vectors } } of blocks) {
    for (let o = 0; o < channels; o++) {
      const lane = start + 16 * (o >> 2) + 4 * (o & 3);
      for (let k = 0; k < perOutput; k++) positions[weight++] = lane + (k >> 1) * 16 * vectors + 2 * (k & 1);
    }
  }
  const transformed = transformWeights(problem.weights, outputChannels, inputChannels);
  const setWeight = (view: DataView, position: number, value: number): void => view.setInt16(position, value, true);
  return packConstantBlocks(blocks, transformed, positions, setWeight, epilogue);
}
