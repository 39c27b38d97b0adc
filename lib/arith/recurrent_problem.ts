import type { WeightCodes } from "./binary_codes/weight_codes.ts";
import type { OnlineCodesProblem } from "./online_codes.ts";
import type { OutputRange } from "./problem.ts";

/**
 * What the recurrences of all cells have: rows of weights are those of their gates in turn. With `hiddenCodes` whatever h a
 * step gives each image becomes codes of so many bits (`codeVectors`) before it is read, also that of a GRU's first state.
 */
interface RecurrentFields {
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly isReverse: boolean;
  /** R, [gates hidden, hidden] */
  readonly weights: Int8Array;
  /** Binary codes of the weights, which say the same. */
  readonly codes?: WeightCodes;
  readonly bias: Int32Array;
  /** bx, from 0 on. */
  readonly inputMultipliers: Int32Array;
  /** bh, from 0 on. */
  readonly recurrentMultipliers: Int32Array;
  readonly shift: number;
  readonly output: OutputRange & { readonly dtype: "u8"; readonly multiplier: number; readonly shift: number };
  /** 1 to 4; absent: h as it is. */
  readonly hiddenCodes?: number;
  readonly carriesState: boolean;
}

/**
 * One direction of an LSTM over all its steps, 8 bits in and out with gates and cell states of 16, as LiteRT's integer
 * LSTM (8x8->16). h is u8 with the zero point Z of `output`, c int16 of scale 2^-n, n = `cellBits`, m = 15 - n; weights
 * are R, [4 hidden, hidden], and rows r of all parameters are of the gates i, o, f, g in turn. At every step
 *
 *     a_h[r] = sum over j of R[r, j] * (h[j] - Z) + bias[r]                                       int32
 *     p[r]   = sat16((a_x[r] * bx[r] + a_h[r] * bh[r] + 2^(shift-1)) >> shift)                    Q3.12
 *     i, o, f = gateTable(p_i), gateTable(p_o), gateTable(p_f);  g = cellTable(p_g)               Q0.15
 *     c      = sat16((f * c * 2^m + i * g + 2^(14+m)) >> (15+m))
 *     t      = cellTable(sat16(n <= 12 ? c << (12-n) : (c + 2^(n-13)) >> (n-12)))                 Q0.15
 *     h      = clamp(Z + ((o * t * b + 2^(s-1)) >> s), low, high),  b and s those of `output`
 *
 * with sums exact in 64 bits and tables as `interpolate` of lib/arith/activation_table.ts reads them. With `peepholes` bc the
 * sums of p_i and p_f have c * bc as well, and that of p_o the new c times its own.
 *
 * Inputs: a_x, int32 [steps, batch, 4 hidden], the accumulators of x W^T + Wb; with `carriesState` also h, u8
 * [batch, hidden], and c, int16 [batch, hidden], which are read before the first step and overwritten after the last: the
 * only inputs that a kernel writes. Without, h begins as `firstHidden` or Z, and c as `firstState` or 0. Output: h of every step, u8
 * [steps, batch, hidden]; with `isReverse` the last step is computed first.
 */
export interface LstmProblem extends RecurrentFields {
  readonly kind: "lstm";
  /** 513 values in Q0.15, from 0 on. */
  readonly gateTable: Int16Array;
  /** 513 values in Q0.15. */
  readonly cellTable: Int16Array;
  readonly cellBits: number;
  /** [batch, hidden] */
  readonly firstHidden?: Uint8Array;
  /** [batch, hidden] */
  readonly firstState?: Int16Array;
  /** Of the gates i, o and f in turn, [3 hidden], for c of scale 2^-cellBits; negative ones too. */
  readonly peepholes?: Int32Array;
}

/**
 * One direction of a GRU over all its steps, 8 bits in and out, gates and the state itself of 16. The state H is int16 of
 * scale 2^-n, n = `stateBits`, m = 15 - n, and h its u8 form, with the zero point Z of `output`, which weights multiply and
 * which is the output:
 *
 *     h = clamp(Z + ((H * b + 2^(s-1)) >> s), low, high),  b and s those of `output`
 *
 * Weights are R, [3 hidden, hidden], and rows r of all parameters are of the gates z, r, g in turn. At every step
 *
 *     a_h[r] = sum over j of R[r, j] * (h[j] - Z) + bias[r]                                       int32
 *     p[r]   = sat16((a_x[r] * bx[r] + a_h[r] * bh[r] + 2^(shift-1)) >> shift)                    Q3.12
 *     z, r   = gateTable(p_z), gateTable(p_r)                                                     Q0.15
 *     g      = cellTable(p_g)                                                                     Q0.15
 *     H      = sat16((z * H * 2^m + (2^15 - z) * g + 2^(14+m)) >> (15+m))
 *
 * where for g, without `isLinear` (linear_before_reset = 0), h[j] - Z is (r[j] * (h[j] - Z) + 2^14) >> 15, and with it
 *
 *     p_g    = sat16(u + ((r * v + 2^14) >> 15))                                                  Q3.12
 *     u, v   = sat17((a_x * bx + 2^(shift-1)) >> shift), sat17((a_h * bh + 2^(shift-1)) >> shift)
 *
 * Inputs: a_x, int32 [steps, batch, 3 hidden], the accumulators of x W^T + Wb; with `carriesState` also H, int16
 * [batch, hidden], which is read before the first step and overwritten after the last. Without, H begins as `firstState` or 0. Output: h of
 * every step, u8 [steps, batch, hidden]; with `isReverse` the last step is computed first.
 */
export interface GruProblem extends RecurrentFields {
  readonly kind: "gru";
  readonly isLinear: boolean;
  /** 513 values in Q0.15, from 0 on. */
  readonly gateTable: Int16Array;
  /** 513 values in Q0.15. */
  readonly cellTable: Int16Array;
  readonly stateBits: number;
  /** [batch, hidden] */
  readonly firstState?: Int16Array;
}

/**
 * One direction of a plain recurrent layer over all its steps, 8 bits in and out, sums of 16. h is u8 with the zero point Z
 * of `output`; weights are R, [hidden, hidden]. At every step
 *
 *     a_h[r] = sum over j of R[r, j] * (h[j] - Z) + bias[r]                                       int32
 *     p[r]   = sat16((a_x[r] * bx[r] + a_h[r] * bh[r] + 2^(shift-1)) >> shift)                    scale 2^-argumentBits
 *     h      = clamp(Z + ((cellTable(p) * b + 2^(s-1)) >> s), low, high),  b and s those of `output`
 *
 * Inputs: a_x, int32 [steps, batch, hidden], the accumulators of x W^T + Wb; with `carriesState` also h, u8 [batch, hidden],
 * which is read before the first step and overwritten after the last. Without, h begins as `firstHidden` or Z. Output: h of every step, u8
 * [steps, batch, hidden]; with `isReverse` the last step is computed first.
 */
export interface RnnProblem extends RecurrentFields {
  readonly kind: "rnn";
  /** 12 for functions whose arguments beyond 8 matter no more; nothing is computed with it. */
  readonly argumentBits: number;
  /** 513 values, of which one unit is what `output` rescales from. */
  readonly cellTable: Int16Array;
  /** [batch, hidden] */
  readonly firstHidden?: Uint8Array;
}

export type RecurrentProblem = LstmProblem | GruProblem | RnnProblem;

const GATES: Readonly<Record<RecurrentProblem["kind"], number>> = { lstm: 4, gru: 3, rnn: 1 };

/** How h of each image becomes codes after a step; undefined where it does not. */
export function hiddenCoding(
  { hidden, hiddenCodes, output: { zeroPoint, low, high } }: RecurrentProblem,
): Omit<OnlineCodesProblem, "kind" | "vectors"> | undefined {
  return hiddenCodes === undefined ? undefined : { length: hidden, bits: hiddenCodes, zeroPoint, low, high };
}

/** Whether a problem is a recurrence. */
export function isRecurrence(
  problem: { readonly kind: string } | undefined,
): problem is RecurrentProblem {
  return problem !== undefined && Object.hasOwn(GATES, problem.kind);
}

/** Gates of a recurrence, each of so many rows as it has hidden units. */
export function gateCount({ kind }: Pick<RecurrentProblem, "kind">): number {
  return GATES[kind];
}

/** What a recurrence begins with where it carries no states; absent: zeros. */
export function firstStates(
  problem: RecurrentProblem,
): { readonly hidden?: Uint8Array; readonly state?: Int16Array } {
  return {
    hidden: problem.kind === "gru" ? undefined : problem.firstHidden,
    state: problem.kind === "rnn" ? undefined : problem.firstState,
  };
}
