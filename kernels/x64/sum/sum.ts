import type { SumProblem } from "../../../lib/arith/problem.ts";
import { bytesOf } from "../../../lib/tensor/dtype.ts";
import { KernelFunction, REGISTER_INPUTS } from "../kernel_function.ts";
import type { NativeKernel } from "../native_kernel.ts";
import { memory, zmm } from "../operands.ts";
import {
  emitLimits,
  emitLoad,
  emitStore,
  emitTailMask,
  LIMITS_BYTES,
  roundingConstant,
  wordPosition,
  writeLimits,
} from "../requantization.ts";

/** Elements of one vector. */
const LANES = 16;

/** Where the shift lies among the limits. */
const SHIFT = 24;

/** One multiplier for each term: then channels do not matter, and the image is one run of elements. */
function isUniform({ terms }: SumProblem): boolean {
  return terms.every(({ multipliers }) => multipliers.length === 1);
}

/** Rounds of `elements` in memory, each with the same constants. */
function roundsOf(problem: SumProblem): { rounds: number; elements: number } {
  const { pixels, channels } = problem;
  return isUniform(problem) ? { rounds: 1, elements: pixels * channels } : { rounds: pixels, elements: channels };
}

/** Bytes in constants of sixteen channels: even and odd int64 constants, then even and odd multipliers of each term. */
function vectorBytes({ terms }: SumProblem): number {
  return 128 * (1 + terms.length);
}

/** Limits and shift, then the channels; a uniform sum has one vector of equal ones. */
function pack(problem: SumProblem): Uint8Array {
  const { channels, terms, shift, output } = problem;
  const uniform = isUniform(problem);
  const vectors = uniform ? 1 : Math.ceil(channels / LANES);
  const bytes = new Uint8Array(LIMITS_BYTES + vectors * vectorBytes(problem));
  const view = new DataView(bytes.buffer);
  writeLimits(view, 0, output);
  view.setBigInt64(SHIFT, BigInt(shift), true);
  for (let element = 0; element < (uniform ? LANES : channels); element++) {
    const start = LIMITS_BYTES + Math.floor(element / LANES) * vectorBytes(problem) + wordPosition(element % LANES);
    const multipliers = terms.map((term) => BigInt(term.multipliers[term.multipliers.length === 1 ? 0 : element]));
    // Zero points are folded in, modulo 2^64 as sums are; the whole sum is an int64.
    const folded = multipliers.reduce((sum, b, t) => sum - BigInt(terms[t].zeroPoint) * b, roundingConstant(shift));
    view.setBigInt64(start, BigInt.asIntN(64, folded), true);
    multipliers.forEach((b, t) => view.setBigInt64(start + 128 * (1 + t), b, true));
  }
  return bytes;
}

function generate(problem: SumProblem): Uint8Array {
  const { terms, output } = problem;
  const uniform = isUniform(problem);
  const { rounds, elements } = roundsOf(problem);
  const f = new KernelFunction(terms.length);
  const { constants, output: out, inputs } = f;
  const vector = f.take();
  const even = zmm(0);
  const odd = zmm(1);
  const sixteen = (lanes: number): void => {
    terms.forEach(({ dtype }, t) => {
      const [element, product] = [zmm(2 + 2 * t), zmm(3 + 2 * t)];
      const parameters = 128 * (1 + t);
      emitLoad(f, element, dtype, inputs[t], 0);
      f.code.emit("vpmuldq", product, element, memory(vector, parameters));
      f.code.emit("vpsrlq", element, element, 32).emit("vpmuldq", element, element, memory(vector, parameters + 64));
      f.code.emit("vpaddq", even, product, t === 0 ? memory(vector, 0) : even);
      f.code.emit("vpaddq", odd, element, t === 0 ? memory(vector, 64) : odd);
      f.advance(inputs[t], lanes * bytesOf(dtype));
    });
    f.code.emit("vpsravq", even, even, shift).emit("vpsravq", odd, odd, shift);
    emitLimits(f, { even, odd }, constants, 0);
    emitStore(f, odd, output.dtype, lanes, out, 0);
    f.advance(out, lanes * bytesOf(output.dtype));
    if (!uniform) f.advance(vector, vectorBytes(problem));
  };
  const shift = zmm(31);
  f.code.emit("vpbroadcastq", shift, memory(constants, SHIFT));
  emitTailMask(f, elements);
  f.repeat(rounds, () => {
    f.set(vector, constants).advance(vector, LIMITS_BYTES);
    f.repeat(Math.floor(elements / LANES), () => sixteen(LANES));
    if (elements % LANES > 0) sixteen(elements % LANES);
  });
  return f.finish();
}

/** Sums of rescaled integer images, one to three of them. */
export const SUM_KERNELS: readonly NativeKernel<SumProblem>[] = [{
  target: "x64",
  name: `qx_sum_${LANES}x1__avx512`,
  kind: "sum",
  supports: ({ terms, pixels, channels }) =>
    terms.length > 0 && terms.length <= REGISTER_INPUTS && pixels * channels > 0,
  pack,
  scratchBytes: () => 0,
  generate,
}];
