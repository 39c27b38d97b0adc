import type { AnyConvolutionProblem, ConvolutionSumProblem, SumTerm } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { KernelFunction, type Pointer } from "../kernel_function.ts";
import { broadcast, memory, type VectorRegister } from "../operands.ts";
import { emitLimits, emitLoadFrom, roundingConstant, wordPosition } from "../requantization.ts";

/**
 * The end of a convolution whose accumulators are a term of a sum with one other term: sixteen channels of a position at
 * a time, as `kernels/x64/sum` computes them. The parameters of sixteen channels take as many bytes as those of a
 * requantization, 128 each for even and odd: multipliers of the accumulators, constants, multipliers of the other term.
 */
const MULTIPLIERS = 0;
const CONSTANTS = 128;
const OTHERS = 256;

/** Where the shift lies among the limits. */
const SHIFT = 24;

/** The term that is not the accumulators. */
export function otherTerm({ sum, term }: ConvolutionSumProblem): SumTerm {
  return sum.terms[1 - term];
}

/** Elements of the other term are this many times as large as those of the output. */
export function pitchRatio(problem: ConvolutionSumProblem): 1 | 2 | 4 {
  const ratio = bytesOf(otherTerm(problem).dtype) / bytesOf(problem.sum.output.dtype);
  if (ratio === 1 || ratio === 2 || ratio === 4) return ratio;
  throw new RangeError(`an element of the other term takes ${ratio} times the bytes of one of the output`);
}

/** Whether the other term's elements can be found from the output's address: they are as large, or twice or four times. */
export function isSummable({ sum: { terms, output }, term }: ConvolutionSumProblem): boolean {
  return terms.length === 2 && bytesOf(terms[1 - term].dtype) >= bytesOf(output.dtype);
}

/** Begins the function of a convolution, with or without a sum: `inputs[0]` is the image. */
export function convolutionFunction(problem: AnyConvolutionProblem): KernelFunction {
  if (problem.kind === "convolution") return new KernelFunction(1);
  const f = new KernelFunction(2);
  // other - ratio * output: with the index `address * ratio` it is the other term's element that belongs to an address.
  for (let i = 0; i < pitchRatio(problem); i++) f.code.emit("sub", f.inputs[1], f.output);
  return f;
}

/** Writes one channel's parameters, lane 0..15 of those at `position`. */
export function writeSummedChannel(
  view: DataView,
  position: number,
  lane: number,
  problem: ConvolutionSumProblem,
  channel: number,
): void {
  const { sum: { terms, shift }, term } = problem;
  const at = position + wordPosition(lane);
  const multiplierOf = ({ multipliers }: SumTerm): bigint =>
    BigInt(multipliers[multipliers.length === 1 ? 0 : channel]);
  // Zero points are folded in, modulo 2^64 as sums are; the whole sum is an int64.
  const constant = terms.reduce(
    (sum, each) => sum - BigInt(each.zeroPoint) * multiplierOf(each),
    roundingConstant(shift),
  );
  view.setBigInt64(at + MULTIPLIERS, multiplierOf(terms[term]), true);
  view.setBigInt64(at + CONSTANTS, BigInt.asIntN(64, constant), true);
  view.setBigInt64(at + OTHERS, multiplierOf(otherTerm(problem)), true);
}

/** Writes the shift beside the limits. */
export function writeSumShift(view: DataView, limits: number, { sum: { shift } }: ConvolutionSumProblem): void {
  view.setBigInt64(limits + SHIFT, BigInt(shift), true);
}

/**
 * Turns sixteen accumulators into sixteen results of the sum, in place. `output` + `offset` is where they will be stored.
 * `f` is a `convolutionFunction`. Clobbers three temporaries.
 */
export function emitSummedChannels(
  f: KernelFunction,
  problem: ConvolutionSumProblem,
  accumulator: VectorRegister,
  [even, other, otherEven]: readonly VectorRegister[],
  base: Pointer,
  parameters: number,
  limits: number,
  output: Pointer,
  offset: number,
): void {
  const at = (what: number, parity: 0 | 1) => memory(base, parameters + what + 64 * parity);
  const ratio = pitchRatio(problem);
  emitLoadFrom(f, other, otherTerm(problem).dtype, memory(f.inputs[1], ratio * offset, output, ratio));
  f.code.emit("vpmuldq", even, accumulator, at(MULTIPLIERS, 0));
  f.code.emit("vpmuldq", otherEven, other, at(OTHERS, 0));
  f.code.emit("vpsrlq", accumulator, accumulator, 32).emit("vpsrlq", other, other, 32);
  f.code.emit("vpmuldq", accumulator, accumulator, at(MULTIPLIERS, 1));
  f.code.emit("vpmuldq", other, other, at(OTHERS, 1));
  f.code.emit("vpaddq", even, even, at(CONSTANTS, 0)).emit("vpaddq", even, even, otherEven);
  f.code.emit("vpaddq", accumulator, accumulator, at(CONSTANTS, 1)).emit("vpaddq", accumulator, accumulator, other);
  const shift = broadcast(memory(base, limits + SHIFT));
  f.code.emit("vpsravq", even, even, shift).emit("vpsravq", accumulator, accumulator, shift);
  emitLimits(f, { even, odd: accumulator }, base, limits);
}
