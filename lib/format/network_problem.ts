import { z } from "./schema.ts";
import { ACTIVATION_TABLE_LENGTH } from "../arith/activation_table.ts";
import { CODE_BITS } from "../arith/binary_codes/codes.ts";
import { CODED_LENGTH_MAX } from "../arith/online_codes.ts";
import { type ChannelRequantization, firstStates, gateCount, type IntegerProblem } from "../arith/problem.ts";
import type { ArrayOf, DType } from "../tensor/dtype.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { inputError } from "./error.ts";
import {
  Count,
  DTypeName,
  Extent,
  EXTENT_MAX,
  Multiplier,
  Natural,
  OutputRecord,
  Shift,
  TensorName,
} from "./record_fields.ts";
import { GruRecord, LstmRecord, RnnRecord } from "./recurrent_records.ts";
import { decodeWeights, encodeWeights, type LoadArray, type StoreArray, WeightsRecord } from "./weights_record.ts";

const Padding = Natural.max(EXTENT_MAX);

const WindowRecord = z.strictObject({
  inputHeight: Extent,
  inputWidth: Extent,
  outputHeight: Extent,
  outputWidth: Extent,
  kernelHeight: Extent,
  kernelWidth: Extent,
  strideY: Extent,
  strideX: Extent,
  dilationY: Extent,
  dilationX: Extent,
  padTop: Padding,
  padLeft: Padding,
  padBottom: Padding,
  padRight: Padding,
});

const RequantizationRecord = OutputRecord.extend({
  multipliers: TensorName.describe("i32, per output channel"),
  shifts: TensorName.describe("u8, per output channel"),
});
type RequantizationRecord = z.infer<typeof RequantizationRecord>;

const ConvolutionRecord = z.strictObject({
  kind: z.literal("convolution"),
  window: WindowRecord,
  inputChannels: Count,
  outputChannels: Count,
  groups: Count,
  inputZeroPoint: Natural.max(255),
  inputHigh: Count.max(255),
  weights: WeightsRecord.describe("of shape O, kernelHeight, kernelWidth, I / groups"),
  bias: TensorName.describe("i32, per output channel"),
  output: RequantizationRecord.optional().describe("absent: the int32 accumulators are the result"),
}).describe(
  "acc = sum q_w (q_a - inputZeroPoint) + bias; q = clamp(zeroPoint + ((acc b + 2^(c-1)) >> c), low, high), b and c per " +
    "output channel; padding reads inputZeroPoint",
);

const SumRecord = z.strictObject({
  kind: z.literal("sum"),
  pixels: Count,
  channels: Count,
  terms: z.array(z.strictObject({ dtype: DTypeName, zeroPoint: z.int(), multipliers: TensorName })).min(1),
  shift: Shift,
  output: OutputRecord,
}).describe("q = clamp(zeroPoint + ((sum (q_t - Z_t) b_t + 2^(shift-1)) >> shift), low, high)");

const ConcatRecord = z.strictObject({
  kind: z.literal("concat"),
  outer: Count,
  parts: z.array(z.strictObject({
    dtype: DTypeName,
    inner: Count,
    zeroPoint: z.int(),
    rescale: z.strictObject({ multiplier: Multiplier, shift: Shift }).optional().describe("absent: copied"),
  })).min(1),
  output: OutputRecord,
}).describe(
  "each part's runs of `inner` elements in turn; q = clamp(zeroPoint + (((q_i - Z_i) b + 2^(c-1)) >> c), low, high)",
);

const MaxPoolRecord = z.strictObject({
  kind: z.literal("max_pool"),
  window: WindowRecord,
  channels: Count,
  dtype: DTypeName,
}).describe("the largest integer under the window");

const AveragePoolRecord = z.strictObject({
  kind: z.literal("average_pool"),
  window: WindowRecord,
  channels: Count,
  inputDtype: DTypeName,
  inputZeroPoint: z.int(),
  divisors: TensorName.describe("i32, what the float operator divides by at each output position"),
  rescales: z.array(z.strictObject({ divisor: Count, multiplier: Multiplier, shift: Shift })),
  output: OutputRecord,
}).describe("q = clamp(zeroPoint + ((sum (q_i - inputZeroPoint) b_N + 2^(c_N-1)) >> c_N), low, high)");

const CopyRecord = z.strictObject({
  kind: z.literal("copy"),
  dtype: DTypeName,
  shape: z.array(Count),
  sourceOffset: Natural,
  sourceStrides: z.array(Natural),
  targetOffset: Natural,
  targetStrides: z.array(Natural),
  targetSize: Count,
  fill: z.int(),
}).describe("elements moved to other places, the rest filled");

const GatherRecord = z.strictObject({
  kind: z.literal("gather"),
  count: Count,
  rows: Count,
  width: Count,
  table: TensorName.describe("u8, rows x width"),
}).describe("q[p, i] = table[clamp(index[p], 0, rows - 1), i]");

const TableRecord = z.strictObject({
  kind: z.literal("table"),
  size: Count,
  table: TensorName.describe("u8, a value for each of 256"),
}).describe("q = table[q_in]");

const DynamicProductRecord = z.strictObject({
  kind: z.literal("dynamic_product"),
  positions: Count,
  inputs: Extent,
  outputs: Extent,
  activationBits: z.int().min(2).max(8).describe("k"),
  weights: WeightsRecord,
  bias: TensorName.describe("i32, per output"),
  output: RequantizationRecord,
}).describe(
  "q = clamp((x + 2^(e-1)) >> e, -2^(k-1), 2^(k-1) - 1), e the smallest with |x| < 2^(e+k-1) in its vector; " +
    "y = clamp(zeroPoint + (((2^e sum w q + bias) b + 2^(c-1)) >> c), low, high)",
);

const OnlineCodesRecord = z.strictObject({
  kind: z.literal("online_codes"),
  vectors: Count,
  length: Count.max(CODED_LENGTH_MAX),
  bits: z.int().min(CODE_BITS[0]).max(CODE_BITS[CODE_BITS.length - 1]),
  zeroPoint: Natural.max(255),
  low: Natural.max(255),
  high: Natural.max(255),
}).describe(
  "y = clamp(zeroPoint + v, low, high), v of the 2^bits sums +-B_0 +- B_1 ... the nearest to q - zeroPoint; each vector " +
    "finds its own integers B by alternating minimization (arXiv 1802.00150, section 4)",
);

const AliasRecord = z.strictObject({ kind: z.literal("alias") }).describe("the same integers under another shape");

/** A problem as it stands in the network artefact: arrays by name, everything else by value. */
export const ProblemRecord = z.discriminatedUnion("kind", [
  ConvolutionRecord,
  SumRecord,
  ConcatRecord,
  MaxPoolRecord,
  AveragePoolRecord,
  CopyRecord,
  GatherRecord,
  TableRecord,
  LstmRecord,
  GruRecord,
  RnnRecord,
  DynamicProductRecord,
  OnlineCodesRecord,
  AliasRecord,
]);
export type ProblemRecord = z.infer<typeof ProblemRecord>;

/** The record of a problem; its arrays are added to `tensors` under `<step>/<name>`. */
export function encodeProblem(
  problem: IntegerProblem | undefined,
  step: string,
  weightBits: number | undefined,
  tensors: Map<string, Tensor>,
): ProblemRecord {
  const store: StoreArray = (name, dtype, data) => {
    const key = `${step}/${name}`;
    tensors.set(key, tensor(dtype, [data.length], data));
    return key;
  };
  function storeRequantization(output: ChannelRequantization) {
    return {
      ...output,
      multipliers: store("multipliers", "i32", output.multipliers),
      shifts: store("shifts", "u8", output.shifts),
    };
  }
  if (problem === undefined) return { kind: "alias" };
  switch (problem.kind) {
    case "convolution": {
      const { codes: _, ...fields } = problem;
      const { window, inputChannels, outputChannels, groups, output } = problem;
      return {
        ...fields,
        weights: encodeWeights(
          problem,
          [outputChannels, window.kernelHeight, window.kernelWidth, inputChannels / groups],
          weightBits,
          store,
        ),
        bias: store("bias", "i32", problem.bias),
        output: output && storeRequantization(output),
      };
    }
    case "dynamic_product": {
      const { codes: _, ...fields } = problem;
      return {
        ...fields,
        weights: encodeWeights(problem, [problem.outputs, problem.inputs], weightBits, store),
        bias: store("bias", "i32", problem.bias),
        output: storeRequantization(problem.output),
      };
    }
    case "sum":
      return {
        ...problem,
        terms: problem.terms.map((term, i) => ({
          ...term,
          multipliers: store(`multipliers${i}`, "i32", term.multipliers),
        })),
      };
    case "average_pool":
      return {
        ...problem,
        divisors: store("divisors", "i32", problem.divisors),
        rescales: Array.from(problem.rescales, ([divisor, dyadic]) => ({ divisor, ...dyadic })),
      };
    case "concat":
      return { ...problem, parts: [...problem.parts] };
    case "copy":
      return {
        ...problem,
        shape: [...problem.shape],
        sourceStrides: [...problem.sourceStrides],
        targetStrides: [...problem.targetStrides],
      };
    case "max_pool":
    case "online_codes":
      return problem;
    case "gather":
    case "table":
      return { ...problem, table: store("table", "u8", problem.table) };
    case "lstm":
    case "gru":
    case "rnn": {
      const { codes: _, ...fields } = problem;
      const { hidden, state } = firstStates(problem);
      const common = {
        weights: encodeWeights(problem, [problem.bias.length, problem.hidden], weightBits, store),
        bias: store("bias", "i32", problem.bias),
        inputMultipliers: store("inputMultipliers", "i32", problem.inputMultipliers),
        recurrentMultipliers: store("recurrentMultipliers", "i32", problem.recurrentMultipliers),
        cellTable: store("cellTable", "i16", problem.cellTable),
        ...(hidden && { firstHidden: store("firstHidden", "u8", hidden) }),
        ...(state && { firstState: store("firstState", "i16", state) }),
      };
      if (fields.kind === "rnn") return { ...fields, firstHidden: undefined, ...common };
      const gateTable = store("gateTable", "i16", fields.gateTable);
      if (fields.kind === "gru") return { ...fields, firstState: undefined, ...common, gateTable };
      const peepholes = fields.peepholes && store("peepholes", "i32", fields.peepholes);
      return { ...fields, firstHidden: undefined, firstState: undefined, ...common, gateTable, peepholes };
    }
  }
}

/** @throws DyadError when a tensor is missing or has the wrong type or length. `where` names file and step. */
export function decodeProblem(
  record: ProblemRecord,
  tensors: ReadonlyMap<string, Tensor>,
  where: string,
): IntegerProblem | undefined {
  const load: LoadArray = <D extends DType>(name: string, dtype: D, length: number | readonly number[]): ArrayOf<D> => {
    const found = tensors.get(name);
    if (found === undefined) throw inputError(`${where}: tensor ${name} is not in the safetensors file`);
    const lengths = typeof length === "number" ? [length] : length;
    if (found.dtype !== dtype || !lengths.includes(found.data.length)) {
      throw inputError(
        `${where}: tensor ${name} is ${found.dtype} with ${found.data.length} elements, ` +
          `expected ${dtype} with ${lengths.join(" or ")}`,
      );
    }
    return found.data as ArrayOf<D>; // of the dtype just checked
  };
  function loadRequantization(output: RequantizationRecord, channels: number): ChannelRequantization {
    return {
      ...output,
      multipliers: load(output.multipliers, "i32", channels),
      shifts: load(output.shifts, "u8", channels),
    };
  }
  switch (record.kind) {
    case "alias":
      return undefined;
    case "convolution": {
      const { window, inputChannels, outputChannels, groups, output } = record;
      const shape = [outputChannels, window.kernelHeight, window.kernelWidth, inputChannels / groups];
      return {
        ...record,
        ...decodeWeights(record.weights, shape, where, load),
        bias: load(record.bias, "i32", outputChannels),
        output: output && loadRequantization(output, outputChannels),
      };
    }
    case "dynamic_product": {
      const { outputs, inputs, output } = record;
      return {
        ...record,
        ...decodeWeights(record.weights, [outputs, inputs], where, load),
        bias: load(record.bias, "i32", outputs),
        output: loadRequantization(output, outputs),
      };
    }
    case "sum":
      return {
        ...record,
        terms: record.terms.map((term) => ({
          ...term,
          multipliers: load(term.multipliers, "i32", [1, record.channels]),
        })),
      };
    case "average_pool": {
      const { outputHeight, outputWidth } = record.window;
      return {
        ...record,
        divisors: load(record.divisors, "i32", outputHeight * outputWidth),
        rescales: new Map(record.rescales.map(({ divisor, ...dyadic }) => [divisor, dyadic])),
      };
    }
    case "concat":
    case "copy":
    case "max_pool":
    case "online_codes":
      return record;
    case "gather":
      return { ...record, table: load(record.table, "u8", record.rows * record.width) };
    case "table":
      return { ...record, table: load(record.table, "u8", 2 ** 8) };
    case "lstm":
    case "gru":
    case "rnn": {
      const { batch, hidden } = record;
      const rows = gateCount(record) * hidden;
      const common = {
        ...decodeWeights(record.weights, [rows, hidden], where, load),
        bias: load(record.bias, "i32", rows),
        inputMultipliers: load(record.inputMultipliers, "i32", rows),
        recurrentMultipliers: load(record.recurrentMultipliers, "i32", rows),
        cellTable: load(record.cellTable, "i16", ACTIVATION_TABLE_LENGTH),
      };
      const { firstHidden, firstState, peepholes, ...fields } = {
        firstHidden: undefined,
        firstState: undefined,
        peepholes: undefined,
        ...record,
      };
      const loaded = {
        ...common,
        ...(firstHidden && { firstHidden: load(firstHidden, "u8", batch * hidden) }),
        ...(firstState && { firstState: load(firstState, "i16", batch * hidden) }),
        ...(peepholes && { peepholes: load(peepholes, "i32", 3 * hidden) }),
      };
      if (fields.kind === "rnn") return { ...fields, ...loaded };
      return { ...fields, ...loaded, gateTable: load(fields.gateTable, "i16", ACTIVATION_TABLE_LENGTH) };
    }
  }
}
