import { z } from "./schema.ts";
import { CODE_BITS } from "../arith/binary_codes/codes.ts";
import { Count, Extent, Multiplier, Natural, OutputRecord, Shift, TensorName } from "./record_fields.ts";
import { WeightsRecord } from "./weights_record.ts";

/** Fields of recurrences of all kinds. */
const RecurrentFields = {
  steps: Count,
  batch: Count,
  hidden: Extent,
  isReverse: z.boolean(),
  weights: WeightsRecord.describe(
    "of shape gates x hidden, hidden; gates of an LSTM are i, o, f, g, of a GRU z, r, g; an RNN has one",
  ),
  bias: TensorName.describe("i32, per row"),
  inputMultipliers: TensorName.describe("i32, per row"),
  recurrentMultipliers: TensorName.describe("i32, per row"),
  shift: Shift,
  output: OutputRecord.extend({ dtype: z.literal("u8"), multiplier: Multiplier, shift: Shift }),
  hiddenCodes: z.int().min(CODE_BITS[0]).max(CODE_BITS[CODE_BITS.length - 1]).optional().describe(
    "bits of the codes that h of every image finds for itself after every step, as of online_codes; absent: h as it is",
  ),
  carriesState: z.boolean().describe(
    "the inputs behind the first are states (h and c of an LSTM), read and overwritten",
  ),
} as const;

const FirstHidden = {
  firstHidden: TensorName.optional().describe("u8, batch x hidden: h before the first step; absent: zeros, or carried"),
} as const;

const FirstState = {
  firstState: TensorName.optional().describe(
    "i16, batch x hidden: the state before the first step; absent: 0, or carried",
  ),
} as const;

const Tables = {
  gateTable: TensorName.describe("i16, 513 values of the logistic function in Q0.15"),
  cellTable: TensorName.describe("i16, 513 values of the hyperbolic tangent in Q0.15"),
} as const;

export const LstmRecord = z.strictObject({
  kind: z.literal("lstm"),
  ...RecurrentFields,
  ...Tables,
  cellBits: Natural.max(15).describe("fraction bits n of the cell state"),
  ...FirstHidden,
  ...FirstState,
  peepholes: TensorName.optional().describe("i32, of the gates i, o and f, times the cell state added to their sums"),
}).describe(
  "gates p = sat16((a_x bx + a_h bh + 2^(shift-1)) >> shift), a_h = sum R (h - Z) + bias; " +
    "c = sat16((f c 2^(15-n) + i g + 2^(29-n)) >> (30-n)); h = clamp(Z + ((o tanh(c) b + 2^(s-1)) >> s), low, high)",
);

export const GruRecord = z.strictObject({
  kind: z.literal("gru"),
  ...RecurrentFields,
  ...Tables,
  isLinear: z.boolean().describe("whether the reset gate is behind the product with R"),
  stateBits: Natural.max(15).describe("fraction bits n of the state"),
  ...FirstState,
}).describe(
  "gates p = sat16((a_x bx + a_h bh + 2^(shift-1)) >> shift), a_h = sum R (h - Z) + bias; " +
    "H = sat16((z H 2^(15-n) + (2^15 - z) g + 2^(29-n)) >> (30-n)); h = clamp(Z + ((H b + 2^(s-1)) >> s), low, high)",
);

export const RnnRecord = z.strictObject({
  kind: z.literal("rnn"),
  ...RecurrentFields,
  argumentBits: Natural.max(15).describe("fraction bits of the table's argument"),
  ...FirstHidden,
  cellTable: TensorName.describe("i16, 513 values, of which one unit is what the output rescales from"),
}).describe(
  "p = sat16((a_x bx + a_h bh + 2^(shift-1)) >> shift), a_h = sum R (h - Z) + bias; " +
    "h = clamp(Z + ((table(p) b + 2^(s-1)) >> s), low, high)",
);
