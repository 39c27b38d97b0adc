import { dyadicFromRatio } from "../../lib/arith/dyadic.ts";
import {
  CODING_ROUNDS,
  COEFFICIENT_BITS,
  COEFFICIENT_MAX,
  FITTING_SWEEPS,
  MAGNITUDES,
  type OnlineCodesProblem,
} from "../../lib/arith/online_codes.ts";
import type { FunctionBuilder, Local } from "../wasm/function_builder.ts";
import type { ModuleBuilder } from "../wasm/module.ts";

type Coding = Omit<OnlineCodesProblem, "kind" | "vectors">;

/** Scratch positions: counts and sums of magnitudes below 0 .. 256, the nearest value of each, sorted values of codes. */
const COUNTS = 0;
const SUMS = 1040;
const NEAREST = SUMS + 1040;
const LEVELS = NEAREST + 4 * MAGNITUDES;
/** What a function of `addCodingFunction` needs of scratch, 16-byte aligned. */
export const CODING_SCRATCH_BYTES = LEVELS + 80;

/** Values of codes are sorted as value * 2^4 + code. */
const CODE_BITS = 4;
/** Behind the last: no magnitude is nearer to it. */
const BEYOND = 2 ** 24;

/**
 * Adds the function (scratch, from, to) -> () that makes one vector of u8 codes of its own, by `codeVectors`; `from` may be
 * `to`. Returns its index.
 */
export function addCodingFunction(module: ModuleBuilder, coding: Coding): number {
  const name = `codes_${coding.bits}x${coding.length}`;
  return module.addFunction(name, { parameters: ["i32", "i32", "i32"] }, (f) => emitVector(f, coding));
}

function emitVector(f: FunctionBuilder, coding: Coding): void {
  const { length, bits } = coding;
  const coefficients = f.locals("i32", bits);
  const cell = cellOf(f);
  emitMagnitudeSums(f, coding);
  coefficients.forEach((coefficient, k) => {
    const total = f.local("i32");
    f.i32(0).set(total);
    emitCells(f, cell, coefficients.slice(0, k), COEFFICIENT_BITS, () => emitResiduals(f, cell, total));
    emitAveraged(f, total, length, coefficient);
  });
  f.repeat(CODING_ROUNDS, () => emitRound(f, cell, coefficients, length));
  for (const coefficient of coefficients) {
    f.get(coefficient).i32(2 ** (COEFFICIENT_BITS - 1)).op("i32.add").i32(COEFFICIENT_BITS).op("i32.shr_s");
    f.set(coefficient);
  }
  const at = f.local("i32");
  emitCells(f, cell, coefficients, 0, () => {
    f.get(f.parameters[0]).get(cell.from).i32(2).op("i32.shl", "i32.add").set(at);
    f.get(cell.to).get(cell.from).op("i32.sub").repeatDynamic(() => {
      f.get(at).get(cell.value).memory("i32.store", NEAREST).advance(at, 4);
    });
  });
  emitMapped(f, coding);
}

/** Pushes the magnitude of q - Z of the byte at `pointer`; `difference` holds q - Z. */
function pushMagnitude(f: FunctionBuilder, pointer: Local, zeroPoint: number, difference: Local, sign: Local): void {
  f.get(pointer).memory("i32.load8_u").i32(zeroPoint).op("i32.sub").tee(difference).i32(31).op("i32.shr_s").tee(sign);
  f.get(difference).op("i32.xor").get(sign).op("i32.sub");
}

function emitMagnitudeSums(f: FunctionBuilder, { length, zeroPoint }: Coding): void {
  const [scratch, input] = f.parameters;
  const [at, from, difference, sign, sum, magnitude] = f.locals("i32", 6);
  f.get(scratch).set(at);
  f.repeat((SUMS - COUNTS) / 16, () => {
    f.get(at).v128(new Int32Array(4)).memory("v128.store", COUNTS).advance(at, 16);
  });
  f.get(input).set(from);
  f.repeat(length, () => {
    pushMagnitude(f, from, zeroPoint, difference, sign);
    f.i32(2).op("i32.shl").get(scratch).op("i32.add").tee(at);
    f.get(at).memory("i32.load", COUNTS + 4).i32(1).op("i32.add").memory("i32.store", COUNTS + 4);
    f.advance(from, 1);
  });
  f.get(scratch).tee(at).i32(0).memory("i32.store", SUMS);
  f.i32(0).tee(sum).set(magnitude);
  f.repeat(MAGNITUDES, () => {
    const count = COUNTS + 4;
    f.get(at).get(at).memory("i32.load", count).get(magnitude).op("i32.mul").get(sum).op("i32.add").tee(sum);
    f.memory("i32.store", SUMS + 4);
    f.get(at).get(at).memory("i32.load", count).get(at).memory("i32.load", COUNTS).op("i32.add");
    f.memory("i32.store", count).advance(at, 4).advance(magnitude, 1);
  });
}

/** A value of codes, and the magnitudes from .. to - 1 that are nearest to it. */
interface Cell {
  readonly pointer: Local;
  readonly key: Local;
  readonly value: Local;
  readonly from: Local;
  readonly to: Local;
}

function cellOf(f: FunctionBuilder): Cell {
  const [pointer, key, value, from, to] = f.locals("i32", 5);
  return { pointer, key, value, from, to };
}

/** Runs `body` for each value of the codes of `coefficients`, from the least on. */
function emitCells(
  f: FunctionBuilder,
  { pointer, key, value, from, to }: Cell,
  coefficients: readonly Local[],
  fractionBits: number,
  body: () => void,
): void {
  emitSortedLevels(f, coefficients);
  f.get(f.parameters[0]).set(pointer).i32(0).set(from);
  f.repeat(2 ** coefficients.length, () => {
    f.get(pointer).memory("i32.load", LEVELS).tee(key).i32(CODE_BITS).op("i32.shr_s").tee(value);
    f.get(pointer).memory("i32.load", LEVELS + 4).i32(CODE_BITS).op("i32.shr_s", "i32.add");
    f.i32(fractionBits + 1).op("i32.shr_s").i32(1).op("i32.add").set(to);
    emitClamped(f, to, () => f.get(from), () => f.i32(MAGNITUDES));
    body();
    f.get(to).set(from).advance(pointer, 4);
  });
}

/** value = min(max(value, low), high) */
function emitClamped(f: FunctionBuilder, value: Local, low: () => void, high: () => void): void {
  f.get(value);
  low();
  f.get(value);
  low();
  f.op("i32.gt_s", "select").set(value).get(value);
  high();
  f.get(value);
  high();
  f.op("i32.lt_s", "select").set(value);
}

/** Writes the values of all codes in order: the place of each is the number of those that are less. */
function emitSortedLevels(f: FunctionBuilder, coefficients: readonly Local[]): void {
  const [scratch] = f.parameters;
  const count = 2 ** coefficients.length;
  const keys = f.locals("v128", Math.ceil(count / 4));
  const own = f.local("v128");
  keys.forEach((key, vector) => {
    const codes = Int32Array.from({ length: 4 }, (_, lane) => 4 * vector + lane);
    f.v128(codes.map((code) => code < count ? code : BEYOND + code));
    coefficients.forEach((coefficient, k) => {
      const signs = codes.map((code) => code >= count ? 0 : (code >> k & 1 ? 1 : -1) << CODE_BITS);
      f.get(coefficient).op("i32x4.splat").v128(signs).op("i32x4.mul", "i32x4.add");
    });
    f.set(key);
  });
  f.get(scratch).i32(BEYOND).memory("i32.store", LEVELS + 4 * count);
  for (let code = 0; code < count; code++) {
    const [vector, lane] = [Math.floor(code / 4), code % 4];
    f.get(keys[vector]).lane("i32x4.extract_lane", lane).op("i32x4.splat").set(own).get(scratch);
    keys.forEach((key, i) => {
      f.get(own).get(key).op("i32x4.gt_s", "i32x4.bitmask", "i32.popcnt");
      if (i > 0) f.op("i32.add");
    });
    f.i32(2).op("i32.shl", "i32.add").get(keys[vector]).lane("i32x4.extract_lane", lane);
    f.memory("i32.store", LEVELS);
  }
}

/** Pushes the address of the sums below a threshold. */
function pushSumsAt(f: FunctionBuilder, threshold: Local): void {
  f.get(f.parameters[0]).get(threshold).i32(2).op("i32.shl", "i32.add");
}

/** Adds sum |x - v| of the magnitudes of a cell to `total`: sums of x - v up to each of from, where x reaches v, and to. */
function emitResiduals(f: FunctionBuilder, { value, from, to }: Cell, total: Local): void {
  const above = f.local("i32");
  f.get(value).i32(1).op("i32.sub").i32(COEFFICIENT_BITS).op("i32.shr_s").i32(1).op("i32.add").set(above);
  emitClamped(f, above, () => f.get(from), () => f.get(to));
  const push = (threshold: Local): void => {
    pushSumsAt(f, threshold);
    f.memory("i32.load", SUMS).i32(COEFFICIENT_BITS).op("i32.shl");
    pushSumsAt(f, threshold);
    f.memory("i32.load", COUNTS).get(value).op("i32.mul", "i32.sub");
  };
  push(from);
  push(to);
  f.op("i32.add");
  push(above);
  f.i32(1).op("i32.shl", "i32.sub").get(total).op("i32.add").set(total);
}

/** target = clamp(round(sum / n)) */
function emitAveraged(f: FunctionBuilder, sum: Local, length: number, target: Local): void {
  const { multiplier, shift } = dyadicFromRatio(1 / length);
  f.get(sum).op("i64.extend_i32_s").i64(BigInt(multiplier)).op("i64.mul").i64(1n << BigInt(shift - 1)).op("i64.add");
  f.i64(BigInt(shift)).op("i64.shr_s", "i32.wrap_i64").set(target);
  emitClamped(f, target, () => f.i32(-COEFFICIENT_MAX), () => f.i32(COEFFICIENT_MAX));
}

/** One round: codes by nearest value, coefficients by least squares. */
function emitRound(f: FunctionBuilder, cell: Cell, coefficients: readonly Local[], length: number): void {
  const bits = coefficients.length;
  const products = f.locals("i32", bits);
  const signs = f.locals("i32", bits);
  const [count, sum, rest] = f.locals("i32", 3);
  const correlations = coefficients.map((_, k) => f.locals("i32", k));
  const correlationOf = (k: number, l: number): Local => k > l ? correlations[k][l] : correlations[l][k];
  for (const local of [...products, ...correlations.flat()]) f.i32(0).set(local);
  /** total += value where the mask is 0, -= where it is -1 */
  const addSigned = (total: Local, value: Local, pushMask: () => void): void => {
    f.get(total).get(value);
    pushMask();
    f.op("i32.xor");
    pushMask();
    f.op("i32.sub", "i32.add").set(total);
  };
  emitCells(f, cell, coefficients, COEFFICIENT_BITS, () => {
    const pushBetween = (position: number): void => {
      pushSumsAt(f, cell.to);
      f.memory("i32.load", position);
      pushSumsAt(f, cell.from);
      f.memory("i32.load", position).op("i32.sub");
    };
    pushBetween(COUNTS);
    f.set(count);
    pushBetween(SUMS);
    f.i32(COEFFICIENT_BITS).op("i32.shl").set(sum);
    signs.forEach((sign, k) => {
      f.get(cell.key).i32(k).op("i32.shr_u").i32(1).op("i32.and").i32(1).op("i32.sub").set(sign);
      addSigned(products[k], sum, () => f.get(sign));
      correlations[k].forEach((total, l) => addSigned(total, count, () => f.get(sign).get(signs[l]).op("i32.xor")));
    });
  });
  f.repeat(FITTING_SWEEPS, () => {
    coefficients.forEach((target, k) => {
      f.get(products[k]);
      coefficients.forEach((other, l) => {
        if (l !== k) f.get(correlationOf(k, l)).get(other).op("i32.mul", "i32.sub");
      });
      f.set(rest);
      emitAveraged(f, rest, length, target);
    });
  });
}

/** Writes the nearest values of a vector's elements. */
function emitMapped(f: FunctionBuilder, { length, zeroPoint, low, high }: Coding): void {
  const [scratch, input, output] = f.parameters;
  const [difference, sign, value] = f.locals("i32", 3);
  f.repeat(length, () => {
    pushMagnitude(f, input, zeroPoint, difference, sign);
    f.i32(2).op("i32.shl").get(scratch).op("i32.add").memory("i32.load", NEAREST).get(sign).op("i32.xor");
    f.get(sign).op("i32.sub").i32(zeroPoint).op("i32.add").set(value);
    emitClamped(f, value, () => f.i32(low), () => f.i32(high));
    f.get(output).get(value).memory("i32.store8").advance(input, 1).advance(output, 1);
  });
}
