import { emitGatherWords } from "../gather_words.ts";
import type { KernelFunction } from "../kernel_function.ts";
import { broadcast, type Memory, memory, type VectorRegister } from "../operands.ts";
import { emitLimits, type SumPair } from "../requantization.ts";
import { GATE_LIMITS, HIDDEN_LIMITS, MULTIPLIER, PART_LIMITS, ROUNDING, SHIFT, WORD } from "./recurrent_layout.ts";

/** One int32 of the constants for all lanes. */
function word(f: KernelFunction, name: keyof typeof WORD): Memory {
  return broadcast(memory(f.constants, WORD[name]));
}

/** Turns 64-bit sums into sixteen clamped int32 in `sums.odd`: rounding, shift and limits at `limits`. */
function emitRequantized(f: KernelFunction, sums: SumPair, limits: number): void {
  for (const half of [sums.even, sums.odd]) {
    f.code.emit("vpaddq", half, half, broadcast(memory(f.constants, limits + ROUNDING)));
    f.code.emit("vpsravq", half, half, broadcast(memory(f.constants, limits + SHIFT)));
  }
  emitLimits(f, sums, f.constants, limits);
}

/** Sixteen int32 of a term of a gate's input, and their multipliers. */
export interface GateTerm {
  readonly values: VectorRegister;
  readonly multipliers: VectorRegister;
}

/**
 * Turns the first term's sixteen values into sat16((sum of terms + 2^(shift-1)) >> shift) in place. Clobbers both terms and
 * two temporaries.
 */
export function emitGateInput(
  f: KernelFunction,
  [first, second]: readonly [GateTerm, GateTerm],
  [even, other]: readonly VectorRegister[],
): void {
  const { code } = f;
  code.emit("vpmuldq", even, first.values, first.multipliers);
  code.emit("vpmuldq", other, second.values, second.multipliers);
  code.emit("vpaddq", even, even, other);
  for (const { values, multipliers } of [first, second]) {
    code.emit("vpsrlq", values, values, 32).emit("vpsrlq", multipliers, multipliers, 32);
    code.emit("vpmuldq", values, values, multipliers);
  }
  code.emit("vpaddq", first.values, first.values, second.values);
  emitRequantized(f, { even, odd: first.values }, GATE_LIMITS);
}

/** Turns a term's sixteen values into sat17((values * multipliers + 2^(shift-1)) >> shift) in place. Clobbers the multipliers. */
export function emitGatePart(f: KernelFunction, { values, multipliers }: GateTerm, even: VectorRegister): void {
  f.code.emit("vpmuldq", even, values, multipliers);
  f.code.emit("vpsrlq", values, values, 32).emit("vpsrlq", multipliers, multipliers, 32);
  f.code.emit("vpmuldq", values, values, multipliers);
  emitRequantized(f, { even, odd: values }, PART_LIMITS);
}

/** Turns sixteen v into sat16(u + ((r * v + 2^14) >> 15)) in place. */
export function emitLinearArgument(f: KernelFunction, u: VectorRegister, r: VectorRegister, v: VectorRegister): void {
  emitScaled(f, v, r);
  f.code.emit("vpaddd", v, v, u);
  emitSaturated(f, v);
}

/** Turns sixteen v into (r * v + 2^14) >> 15 in place. */
function emitScaled(f: KernelFunction, v: VectorRegister, r: VectorRegister): void {
  f.code.emit("vpmulld", v, v, r).emit("vpaddd", v, v, word(f, "productHalf")).emit("vpsrad", v, v, 15);
}

/** Turns sixteen h into Z + ((r * (h - Z) + 2^14) >> 15) in place. */
export function emitKept(f: KernelFunction, h: VectorRegister, r: VectorRegister): void {
  f.code.emit("vpsubd", h, h, word(f, "zeroPoint"));
  emitScaled(f, h, r);
  f.code.emit("vpaddd", h, h, word(f, "zeroPoint"));
}

/** Sets `target` to 2^15 - z. */
export function emitComplement(f: KernelFunction, target: VectorRegister, z: VectorRegister): void {
  f.code.emit("vpxord", target, target, target);
  f.code.emit("vpaddd", target, target, word(f, "int16Offset")).emit("vpsubd", target, target, z);
}

/**
 * Turns sixteen int16 arguments (as int32) into the table's values, as `interpolate` of lib/arith defines them, in place.
 * Clobbers three temporaries.
 */
export function emitInterpolated(
  f: KernelFunction,
  argument: VectorRegister,
  table: number,
  [position, entries, between]: readonly VectorRegister[],
): void {
  const { code } = f;
  const result = argument;
  code.emit("vpaddd", argument, argument, word(f, "int16Offset"));
  code.emit("vpsrld", position, argument, 7).emit("vpandd", between, argument, word(f, "between"));
  // Two neighbours at once.
  emitGatherWords(f, entries, memory(f.constants, table, position, 2));
  code.emit("vpslld", result, entries, 16).emit("vpsrad", result, result, 16).emit("vpsrad", entries, entries, 16);
  code.emit("vpsubd", entries, entries, result).emit("vpmulld", entries, entries, between);
  code.emit("vpaddd", entries, entries, word(f, "betweenHalf")).emit("vpsrad", entries, entries, 7);
  code.emit("vpaddd", result, result, entries);
}

function emitSaturated(f: KernelFunction, values: VectorRegister): void {
  f.code.emit("vpmaxsd", values, values, word(f, "int16Min")).emit("vpminsd", values, values, word(f, "int16Max"));
}

/**
 * c = sat16((f * c * 2^m + i * g + 2^(14+m)) >> (15+m)) in place of c, m = 15 - n: (f * c + 2^14 + (i * g >> m)) >> 15 is
 * the same, and an int32 since f and i are not negative. Clobbers i.
 */
export function emitState(
  f: KernelFunction,
  cell: VectorRegister,
  forget: VectorRegister,
  input: VectorRegister,
  candidate: VectorRegister,
): void {
  const { code } = f;
  code.emit("vpmulld", cell, cell, forget).emit("vpaddd", cell, cell, word(f, "productHalf"));
  code.emit("vpmulld", input, input, candidate).emit("vpsravd", input, input, word(f, "candidateShift"));
  code.emit("vpaddd", cell, cell, input).emit("vpsrad", cell, cell, 15);
  emitSaturated(f, cell);
}

/** Sets `target` to the cell state in Q3.12: sat16(n <= 12 ? c << (12-n) : (c + 2^(n-13)) >> (n-12)). */
export function emitCellArgument(f: KernelFunction, target: VectorRegister, cell: VectorRegister): void {
  // One of both shifts is by 0.
  f.code.emit("vpsllvd", target, cell, word(f, "argumentLeft"));
  f.code.emit("vpaddd", target, target, word(f, "argumentHalf"));
  f.code.emit("vpsravd", target, target, word(f, "argumentRight"));
  emitSaturated(f, target);
}

/** Turns sixteen v into h = clamp(Z + ((v * b + 2^(s-1)) >> s), low, high) in place. Clobbers two temporaries. */
export function emitHidden(
  f: KernelFunction,
  v: VectorRegister,
  [even, multiplier]: readonly VectorRegister[],
): void {
  f.code.emit("vpbroadcastq", multiplier, memory(f.constants, HIDDEN_LIMITS + MULTIPLIER));
  f.code.emit("vpmuldq", even, v, multiplier);
  f.code.emit("vpsrlq", v, v, 32).emit("vpmuldq", v, v, multiplier);
  emitRequantized(f, { even, odd: v }, HIDDEN_LIMITS);
}
