import type { DynamicProductProblem } from "../../../lib/arith/dynamic_product.ts";
import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { k, memory, type VectorRegister, zeroed, zmm } from "../operands.ts";

/**
 * Vectors whose scales are found at run time, in scratch: e in eight int64, then q + 128 as bytes, which vpdpbusd takes.
 * Behind the last q of a vector stands anything.
 */
export const QUANTIZED = 64;
/** What is added to q. */
export const OFFSET = 128;

/** Bytes from one vector to the next. */
export function quantizedPitch(inputs: number): number {
  return QUANTIZED + Math.ceil(inputs / 64) * 64;
}

/** Constants, int32: a magnitude whose e is 0, e + lzcnt, the limits of q, and numbers. */
const SMALL = 0;
const EXPONENTS = 4;
const LOWEST = 8;
const HIGHEST = 12;
const ONE = 16;
const ADDED = 20;
export const QUANTIZATION_BYTES = 64;

export function writeQuantization(view: DataView, position: number, activationBits: number): void {
  const end = 2 ** (activationBits - 1);
  view.setInt32(position + SMALL, end / 2, true);
  view.setInt32(position + EXPONENTS, 33 - activationBits, true);
  view.setInt32(position + LOWEST, -end, true);
  view.setInt32(position + HIGHEST, end - 1, true);
  view.setInt32(position + ONE, 1, true);
  view.setInt32(position + ADDED, OFFSET, true);
}

/** The inputs that do not fill a vector register. */
const TAIL = k(4);
const [SMALLEST, ONES, LARGEST, EXPONENT, LEFT, RIGHT, LOW, HIGH, ADDEND] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(zmm);
const VALUES = [9, 10, 11, 12].map(zmm);
/** Vector registers in one round of a loop. */
const UNROLL = VALUES.length;

/**
 * Quantizes the vectors at `input` into `target`, which both move on to their ends. Constants lie at `constants` of
 * `f.constants`.
 */
export function emitQuantizedVectors(
  f: KernelFunction,
  { positions, inputs }: Pick<DynamicProductProblem, "positions" | "inputs">,
  constants: number,
  input: Pointer,
  target: Pointer,
): void {
  const from = f.take();
  const constantsOf: readonly (readonly [VectorRegister, number])[] = [
    [SMALLEST, SMALL],
    [ONES, ONE],
    [LOW, LOWEST],
    [HIGH, HIGHEST],
    [ADDEND, ADDED],
  ];
  for (const [register, what] of constantsOf) {
    f.code.emit("vpbroadcastd", register, memory(f.constants, constants + what));
  }
  if (inputs % 16 > 0) f.mask(TAIL, 2 ** (inputs % 16) - 1);
  f.repeat(positions, () => {
    f.set(from, input);
    emitLargest(f, inputs, from);
    emitExponent(f, constants, target);
    emitBytes(f, inputs, input, target);
    f.advance(input, 4 * inputs).advance(target, quantizedPitch(inputs));
  });
  f.free(from);
}

/** The largest magnitude of the vector at `from`, but not less than one whose e is 0, in all lanes of `LARGEST`. */
function emitLargest(f: KernelFunction, inputs: number, from: Pointer): void {
  const take = (value: VectorRegister): void => {
    f.code.emit("vpmaxud", LARGEST, LARGEST, value); // |-2^31| is 2^31 as unsigned
  };
  const whole = Math.floor(inputs / 16);
  const vectors = (count: number): void => {
    for (const [i, value] of VALUES.slice(0, count).entries()) {
      f.code.emit("vpabsd", value, memory(from, 64 * i));
      take(value);
    }
    f.advance(from, 64 * count);
  };
  f.code.emit("vmovdqu32", LARGEST, SMALLEST);
  f.repeat(Math.floor(whole / UNROLL), () => vectors(UNROLL));
  vectors(whole % UNROLL);
  const [value] = VALUES;
  if (inputs % 16 > 0) {
    f.code.emit("vpabsd", zeroed(value, TAIL), memory(from));
    take(value);
  }
  for (const order of [0x4e, 0xb1]) {
    f.code.emit("vshufi32x4", value, LARGEST, LARGEST, order);
    take(value);
  }
  for (const order of [0x4e, 0xb1]) {
    f.code.emit("vpshufd", value, LARGEST, order);
    take(value);
  }
}

/** Stores e at `target`, and sets the shifts that quantize. */
function emitExponent(f: KernelFunction, constants: number, target: Pointer): void {
  const [value] = VALUES;
  f.code.emit("vplzcntd", LARGEST, LARGEST);
  f.code.emit("vpbroadcastd", EXPONENT, memory(f.constants, constants + EXPONENTS));
  f.code.emit("vpsubd", EXPONENT, EXPONENT, LARGEST);
  f.code.emit("vpsrlq", value, EXPONENT, 32).emit("vmovdqu64", memory(target), value);
  // (x + 2^(e-1)) >> e is ((x >> (e-1)) + 1) >> 1, which 32 bits hold; where e is 0, x << 1 in place of x >> (e-1).
  f.code.emit("vpmaxsd", RIGHT, EXPONENT, ONES).emit("vpsubd", LEFT, RIGHT, EXPONENT).emit(
    "vpsubd",
    RIGHT,
    RIGHT,
    ONES,
  );
}

function emitBytes(f: KernelFunction, inputs: number, input: Pointer, target: Pointer): void {
  const [from, to] = [f.take(), f.take()];
  f.set(from, input).set(to, target);
  const vectors = (count: number): void => {
    const values = VALUES.slice(0, count);
    const each = (emit: (value: VectorRegister, i: number) => void): void => values.forEach(emit);
    each((value, i) => f.code.emit("vmovdqu32", value, memory(from, 64 * i)));
    each((value) => f.code.emit("vpsllvd", value, value, LEFT).emit("vpsravd", value, value, RIGHT));
    each((value) => f.code.emit("vpaddd", value, value, ONES).emit("vpsrad", value, value, 1));
    each((value) => f.code.emit("vpmaxsd", value, value, LOW).emit("vpminsd", value, value, HIGH));
    each((value, i) =>
      f.code.emit("vpaddd", value, value, ADDEND).emit("vpmovdb", memory(to, QUANTIZED + 16 * i), value)
    );
    f.advance(from, 64 * count).advance(to, 16 * count);
  };
  const total = Math.ceil(inputs / 16);
  f.repeat(Math.floor(total / UNROLL), () => vectors(UNROLL));
  vectors(total % UNROLL);
  f.free(from, to);
}
