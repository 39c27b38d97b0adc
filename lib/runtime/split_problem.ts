import { rowsOfCodes } from "../arith/binary_codes/weight_codes.ts";
import type { DynamicProductProblem } from "../arith/dynamic_product.ts";
import type { OnlineCodesProblem } from "../arith/online_codes.ts";
import type {
  AveragePoolProblem,
  ChannelRequantization,
  ConcatProblem,
  ConvolutionProblem,
  ConvolutionSumProblem,
  KernelProblem,
  MaxPoolProblem,
  SumProblem,
  TableProblem,
} from "../arith/problem.ts";
import { type Band, bandsOf, shares } from "./bands.ts";

/**
 * A problem of its own that computes some elements of another one's output, which follow each other in memory. What two
 * parts compute both is the same.
 */
export interface ProblemPart {
  readonly problem: KernelProblem;
  /** Where each of its inputs begins in those of the whole problem, in elements. */
  readonly inputs: readonly number[];
  /** Where its output begins in that of the whole problem, in elements. */
  readonly output: number;
}

type Split<P extends KernelProblem> = (problem: P, count: number, areEqual: boolean) => ProblemPart[];

/** Kinds whose outputs can be computed in parts. Recurrences go step by step, and other kinds only move bytes. */
const SPLITS: { readonly [K in KernelProblem["kind"]]?: Split<Extract<KernelProblem, { kind: K }>> } = {
  convolution: splitConvolution,
  convolution_sum: splitConvolutionSum,
  sum: splitSum,
  concat: splitConcat,
  max_pool: splitMaxPool,
  average_pool: splitAveragePool,
  table: splitTable,
  online_codes: splitVectors,
  dynamic_product: splitDynamicProduct,
};

/**
 * At most `count` problems of about equal work that together compute this one; one where it has no parts. With `areEqual`
 * convolutions are cut into bands of as many rows, which may overlap.
 */
export function splitProblem(problem: KernelProblem, count: number, areEqual: boolean = false): ProblemPart[] {
  const split = SPLITS[problem.kind] as Split<KernelProblem> | undefined; // found by the kind of problems that it takes
  const parts = split?.(problem, count, areEqual) ?? [];
  return parts.length > 1 ? parts : [wholeProblem(problem)];
}

export function wholeProblem(problem: KernelProblem): ProblemPart {
  return { problem, inputs: [], output: 0 };
}

function splitConvolution(problem: ConvolutionProblem, count: number, areEqual: boolean): ProblemPart[] {
  const { window, inputChannels, outputChannels } = problem;
  if (window.outputHeight * window.outputWidth === 1) return splitOutputs(problem, count);
  return bandsOf(window, count, areEqual).map(({ window, firstInput, firstOutput }) => ({
    problem: { ...problem, window },
    inputs: [firstInput * inputChannels],
    output: firstOutput * outputChannels,
  }));
}

/** Vectors of outputs that kernels compute at a time stay whole. */
const OUTPUT_BLOCK = 64;

/** A convolution with one position, by output channels. */
function splitOutputs(problem: ConvolutionProblem, count: number): ProblemPart[] {
  const { groups, outputChannels, output } = problem;
  if (groups > 1) return [];
  return shares(outputChannels, count, OUTPUT_BLOCK).map((range) => ({
    problem: {
      ...problem,
      ...rowsOf(problem, range),
      outputChannels: range[1] - range[0],
      output: output && channelsOf(output, range),
    },
    inputs: [0],
    output: range[0],
  }));
}

/** By positions, or by outputs where there is one: each part finds the scale again. */
function splitDynamicProduct(problem: DynamicProductProblem, count: number): ProblemPart[] {
  const { positions, inputs, outputs, output } = problem;
  if (positions > 1) {
    return shares(positions, count).map(([first, end]) => ({
      problem: { ...problem, positions: end - first },
      inputs: [first * inputs],
      output: first * outputs,
    }));
  }
  return shares(outputs, count, OUTPUT_BLOCK).map((range) => ({
    problem: {
      ...problem,
      ...rowsOf(problem, range),
      outputs: range[1] - range[0],
      output: channelsOf(output, range),
    },
    inputs: [0],
    output: range[0],
  }));
}

/** Weights of some rows of a matrix, with what belongs to them. */
function rowsOf(
  { weights, codes, bias }: Pick<ConvolutionProblem, "weights" | "codes" | "bias">,
  [first, end]: readonly [number, number],
): Pick<ConvolutionProblem, "weights" | "codes" | "bias"> {
  const columns = weights.length / bias.length;
  return {
    weights: weights.subarray(first * columns, end * columns),
    codes: codes && rowsOfCodes(codes, bias.length, [first, end]),
    bias: bias.subarray(first, end),
  };
}

function channelsOf(output: ChannelRequantization, [first, end]: readonly [number, number]): ChannelRequantization {
  return {
    ...output,
    multipliers: output.multipliers.subarray(first, end),
    shifts: output.shifts.subarray(first, end),
  };
}

function splitConvolutionSum(problem: ConvolutionSumProblem, count: number, areEqual: boolean): ProblemPart[] {
  const { window, inputChannels, outputChannels, sum } = problem;
  return bandsOf(window, count, areEqual).map((band) => ({
    problem: { ...problem, window: band.window, sum: { ...sum, pixels: outputsOf(band) } },
    inputs: [
      band.firstInput * inputChannels,
      ...sum.terms.slice(1).map(() => band.firstOutput * outputChannels),
    ],
    output: band.firstOutput * outputChannels,
  }));
}

function outputsOf({ window: { outputHeight, outputWidth } }: Band): number {
  return outputHeight * outputWidth;
}

function splitSum(problem: SumProblem, count: number): ProblemPart[] {
  const { pixels, channels, terms } = problem;
  return shares(pixels, count).map(([first, end]) => ({
    problem: { ...problem, pixels: end - first },
    inputs: terms.map(() => first * channels),
    output: first * channels,
  }));
}

function splitConcat(problem: ConcatProblem, count: number): ProblemPart[] {
  const { outer, parts } = problem;
  return shares(outer, count).map(([first, end]) => ({
    problem: { ...problem, outer: end - first },
    inputs: parts.map(({ inner }) => first * inner),
    output: parts.reduce((total, { inner }) => total + first * inner, 0),
  }));
}

function splitMaxPool(problem: MaxPoolProblem, count: number): ProblemPart[] {
  const { window, channels } = problem;
  return bandsOf(window, count).map(({ window, firstInput, firstOutput }) => ({
    problem: { ...problem, window },
    inputs: [firstInput * channels],
    output: firstOutput * channels,
  }));
}

function splitAveragePool(problem: AveragePoolProblem, count: number): ProblemPart[] {
  const { window, channels, divisors } = problem;
  return bandsOf(window, count).map((band) => ({
    problem: {
      ...problem,
      window: band.window,
      divisors: divisors.subarray(band.firstOutput, band.firstOutput + outputsOf(band)),
    },
    inputs: [band.firstInput * channels],
    output: band.firstOutput * channels,
  }));
}

function splitVectors(problem: OnlineCodesProblem, count: number): ProblemPart[] {
  const { vectors, length } = problem;
  return shares(vectors, count, 1).map(([first, end]) => ({
    problem: { ...problem, vectors: end - first },
    inputs: [first * length],
    output: first * length,
  }));
}

function splitTable(problem: TableProblem, count: number): ProblemPart[] {
  return shares(problem.size, count, OUTPUT_BLOCK).map(([first, end]) => ({
    problem: { ...problem, size: end - first },
    inputs: [first],
    output: first,
  }));
}
