import { accumulatorBounds } from "../../../lib/arith/bounds.ts";
import type { ConvolutionSumProblem } from "../../../lib/arith/problem.ts";
import { type ByteValues, UPPER_TO_LOWER } from "../convolution/byte_outputs.ts";
import { EVEN_WORDS, type KernelFunction, type Pointer } from "../kernel_function.ts";
import { broadcast, masked, memory } from "../operands.ts";
import { CHANNEL_BYTES, emitLoadFrom, roundingConstant, wordPosition } from "../requantization.ts";
import { isSummable, otherTerm, pitchRatio } from "./summed_channels.ts";

/**
 * The end of a convolution whose accumulators go into a sum of uint8, in 32 bits behind the products. With an accumulator
 * times b, an element o of the other term times d, and one shift c = 32 - j + r, where j and r are not negative:
 *
 *     ((acc b + o d + K) >> c) + Z = ((acc (b 2^j) + o (d 2^j) + (K + Z 2^c) 2^j) >> 32) >> r
 *
 * K = 2^(c-1) less what the zero points of the terms add. So the upper halves of the sums are all that is needed. c is 31
 * where the other term is an activation about as large as the sum; then nothing is left to shift.
 */
interface Growth {
  /** j, by so many bits both products grow. */
  readonly bits: number;
  /** Of these by so many the other term's elements, the rest its multipliers. */
  readonly ofElements: number;
  /** r. */
  readonly shift: number;
}

/** How often the other term's elements are doubled at most. */
const DOUBLINGS_MAX = 2;
const SHIFT_MAX = 53;

function growthOf(problem: ConvolutionSumProblem): Growth {
  const { shift } = problem.sum;
  const bits = Math.max(0, 32 - shift);
  // Multipliers of unsigned elements may fill 32 bits, one more than they do.
  const ofElements = isUnsigned(problem) ? Math.max(0, bits - 1) : 0;
  return { bits, ofElements, shift: Math.max(0, shift - 32) };
}

function isUnsigned(problem: ConvolutionSumProblem): boolean {
  return otherTerm(problem).dtype !== "i32";
}

/** The grown factors of a channel and what is added to their products. */
function factorsOf(problem: ConvolutionSumProblem, channel: number) {
  const { sum: { terms, shift, output }, term } = problem;
  const { bits, ofElements } = growthOf(problem);
  const multiplierOf = (t: number): bigint => {
    const { multipliers } = terms[t];
    return BigInt(multipliers[multipliers.length === 1 ? 0 : channel]);
  };
  const folded = terms.reduce(
    (sum, { zeroPoint }, t) => sum - BigInt(zeroPoint) * multiplierOf(t),
    roundingConstant(shift) + (BigInt(output.zeroPoint) << BigInt(shift)),
  );
  return {
    multiplier: multiplierOf(term) << BigInt(bits),
    other: multiplierOf(1 - term) << BigInt(bits - ofElements),
    constant: folded << BigInt(bits),
  };
}

const magnitude = (value: bigint): bigint => value < 0n ? -value : value;

/** Whether `summedByteValues` computes this sum: factors have 32 bits, and the sum 64, for all that it can be of. */
export function areSummedBytes(problem: ConvolutionSumProblem): boolean {
  const { sum: { output, shift }, term, bounds, outputChannels } = problem;
  if (!isSummable(problem) || output.dtype !== "u8" || shift > SHIFT_MAX) return false;
  const { ofElements } = growthOf(problem);
  if (ofElements > DOUBLINGS_MAX) return false;
  const ofConvolution = bounds[term] ?? accumulatorBounds({ ...problem, kind: "convolution" });
  const { dtype } = otherTerm(problem);
  for (let channel = 0; channel < outputChannels; channel++) {
    const { multiplier, other, constant } = factorsOf(problem, channel);
    if (magnitude(multiplier) >= 1n << 31n) return false;
    if (isUnsigned(problem) ? other < 0n || other >= 1n << 32n : magnitude(other) >= 1n << 31n) return false;
    const largest = { u8: 255, u16: 65535, i32: bounds[1 - term]?.[channel] ?? 2 ** 31 }[dtype];
    const sum = BigInt(Math.ceil(ofConvolution[channel])) * magnitude(multiplier) +
      (BigInt(Math.ceil(largest)) << BigInt(ofElements)) * magnitude(other) + magnitude(constant);
    if (sum >= 1n << 63n) return false;
  }
  return true;
}

/** Parameters of sixteen channels, even and odd: multipliers, what is added, and the other term's multipliers. */
const MULTIPLIERS = 0;
const CONSTANTS = 128;
const OTHERS = 256;

/** Where r lies among the limits. */
const SHIFT = 32;

/** Writes one channel's parameters, lane 0..15 of those at `position`. */
export function writeSummedByteChannel(
  view: DataView,
  position: number,
  lane: number,
  problem: ConvolutionSumProblem,
  channel: number,
): void {
  const { multiplier, other, constant } = factorsOf(problem, channel);
  const at = position + wordPosition(lane);
  view.setBigInt64(at + MULTIPLIERS, multiplier, true);
  view.setBigInt64(at + CONSTANTS, constant, true);
  view.setBigInt64(at + OTHERS, other, true);
}

/** Writes r beside the limits. */
export function writeSummedByteShift(view: DataView, limits: number, problem: ConvolutionSumProblem): void {
  view.setInt32(limits + SHIFT, growthOf(problem).shift, true);
}

/** The values of the sum, in place of the accumulators. `f` is a `convolutionFunction`. */
export function summedByteValues(
  f: KernelFunction,
  problem: ConvolutionSumProblem,
  base: Pointer,
  parameters: number,
  limits: number,
  output: Pointer,
  outputOffsets: readonly number[],
): ByteValues {
  const { ofElements, shift } = growthOf(problem);
  const { dtype } = otherTerm(problem);
  const ratio = pitchRatio(problem);
  const multiply = isUnsigned(problem) ? "vpmuludq" : "vpmuldq";
  return {
    temporaries: 3,
    emit(accumulator, [even, other, otherEven], vector, pixel, operand) {
      const of = (what: number, parity: 0 | 1) => {
        const offset = CHANNEL_BYTES * vector + what + 64 * parity;
        return operand(`${offset}`, memory(base, parameters + offset));
      };
      emitLoadFrom(f, other, dtype, memory(f.inputs[1], ratio * (outputOffsets[pixel] + 16 * vector), output, ratio));
      for (let i = 0; i < ofElements; i++) f.code.emit("vpaddd", other, other, other);
      f.code.emit("vpmuldq", even, accumulator, of(MULTIPLIERS, 0)).emit("vpsrlq", accumulator, accumulator, 32);
      f.code.emit(multiply, otherEven, other, of(OTHERS, 0)).emit("vpsrlq", other, other, 32);
      f.code.emit("vpmuldq", accumulator, accumulator, of(MULTIPLIERS, 1));
      f.code.emit(multiply, other, other, of(OTHERS, 1));
      f.code.emit("vpaddq", even, even, of(CONSTANTS, 0)).emit("vpaddq", even, even, otherEven);
      f.code.emit("vpaddq", accumulator, accumulator, of(CONSTANTS, 1));
      f.code.emit("vpaddq", accumulator, accumulator, other);
      f.code.emit("vpshufd", masked(accumulator, EVEN_WORDS), even, UPPER_TO_LOWER);
      if (shift > 0) {
        f.code.emit("vpsravd", accumulator, accumulator, operand("shift", broadcast(memory(base, limits + SHIFT))));
      }
      return accumulator;
    },
  };
}
