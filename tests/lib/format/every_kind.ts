import { activationTable } from "../../../lib/arith/activation_table.ts";
import { codedWeights, packPlanes } from "../../../lib/arith/binary_codes/weight_codes.ts";
import type { IntegerDType, IntegerProblem } from "../../../lib/arith/problem.ts";
import type { IntegerNetwork, NetworkStep, NetworkTensor } from "../../../lib/format/network.ts";
import { seededRandom } from "../../../lib/tensor/random.ts";
import { sizeOf } from "../../../lib/tensor/shape.ts";
import { POINT_WINDOW, type Window } from "../../../lib/tensor/window.ts";

const random = seededRandom(3);

function weights(length: number, limit: number): Int8Array {
  return Int8Array.from({ length }, () => random.integer(-limit, limit));
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

/** Binary codes with multipliers up to `limit`, and the weights that they say. */
function codes(rows: number, columns: number, bits: number, groupColumns: number, limit: number) {
  const planes = packPlanes(bytes(rows * columns).map((byte) => byte % 2 ** bits), rows, columns, bits);
  const multipliers = weights(rows * Math.ceil(columns / groupColumns) * bits, limit);
  const codes = { bits, groupColumns, planes, multipliers };
  return { weights: codedWeights(codes, rows, columns), codes };
}

function stored(name: string, shape: number[], zeroPoint: number, rest: Partial<NetworkTensor> = {}): NetworkTensor {
  return { name, shape, dtype: "u8", bits: 8, scale: 0.5, zeroPoint, low: 0, high: 255, ...rest };
}

const INT32 = 2 ** 31 - 1;
const int32 = { dtype: "i32", low: -INT32, high: INT32 } as const;
const wide = { ...int32, bits: 32 };
const byte = (zeroPoint: number) => ({ dtype: "u8" as IntegerDType, zeroPoint, low: 0, high: 255 });
const RANGE = { zeroPoint: 128, low: 0, high: 255 } as const;
const HIDDEN = { dtype: "u8", ...RANGE } as const;
const SAME_3X3: Window = {
  ...POINT_WINDOW,
  inputHeight: 4,
  inputWidth: 4,
  outputHeight: 4,
  outputWidth: 4,
  kernelHeight: 3,
  kernelWidth: 3,
  padTop: 1,
  padLeft: 1,
  padBottom: 1,
  padRight: 1,
};
const POINTS: Window = { ...POINT_WINDOW, inputHeight: 4, inputWidth: 4, outputHeight: 4, outputWidth: 4 };
const HALVES: Window = {
  ...POINTS,
  outputHeight: 2,
  outputWidth: 2,
  kernelHeight: 2,
  kernelWidth: 2,
  strideY: 2,
  strideX: 2,
};

const STEPS: readonly (readonly [output: string, inputs: readonly string[], problem: IntegerProblem | undefined])[] = [
  ["conv", ["x"], {
    kind: "convolution",
    window: SAME_3X3,
    inputChannels: 2,
    outputChannels: 4,
    groups: 1,
    inputZeroPoint: 3,
    inputHigh: 255,
    weights: weights(72, 7),
    bias: Int32Array.of(100, -200, 3, 0),
    output: { ...byte(9), multipliers: new Int32Array(4).fill(2 ** 30), shifts: Uint8Array.of(35, 36, 35, 37) },
  }],
  ["wide", ["conv"], {
    kind: "convolution",
    window: POINTS,
    inputChannels: 4,
    outputChannels: 4,
    groups: 2,
    inputZeroPoint: 9,
    inputHigh: 255,
    weights: weights(8, 7),
    bias: Int32Array.of(1, 2, 3, -4),
  }],
  ["sum", ["wide", "conv"], {
    kind: "sum",
    pixels: 16,
    channels: 4,
    terms: [
      { dtype: "i32", zeroPoint: 0, multipliers: Int32Array.of(2 ** 25, 2 ** 26, 2 ** 24, 2 ** 25) },
      { dtype: "u8", zeroPoint: 9, multipliers: Int32Array.of(2 ** 30) },
    ],
    shift: 31,
    output: byte(40),
  }],
  ["max", ["sum"], { kind: "max_pool", window: HALVES, channels: 4, dtype: "u8" }],
  ["mean", ["sum"], {
    kind: "average_pool",
    window: HALVES,
    channels: 4,
    inputDtype: "u8",
    inputZeroPoint: 40,
    divisors: new Int32Array(4).fill(4),
    rescales: new Map([[4, { multiplier: 2 ** 30, shift: 32 }]]),
    output: byte(20),
  }],
  ["concat", ["max", "mean"], {
    kind: "concat",
    outer: 4,
    parts: [
      { dtype: "u8", inner: 4, zeroPoint: 40 },
      { dtype: "u8", inner: 4, zeroPoint: 20, rescale: { multiplier: 2 ** 30, shift: 30 } },
    ],
    output: byte(40),
  }],
  ["pad", ["concat"], {
    kind: "copy",
    dtype: "u8",
    shape: [2, 2, 8],
    sourceOffset: 0,
    sourceStrides: [16, 8, 1],
    targetOffset: 32,
    targetStrides: [24, 8, 1],
    targetSize: 72,
    fill: 40,
  }],
  ["flat", ["pad"], undefined],
  ["index", ["flat"], {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: 72,
    outputChannels: 2,
    groups: 1,
    inputZeroPoint: 40,
    inputHigh: 255,
    weights: weights(144, 127),
    bias: Int32Array.of(50000, 80000),
    output: {
      dtype: "i32",
      zeroPoint: 0,
      low: 0,
      high: 5,
      multipliers: new Int32Array(2).fill(2 ** 30),
      shifts: new Uint8Array(2).fill(45),
    },
  }],
  ["rows", ["index"], { kind: "gather", count: 2, rows: 6, width: 36, table: bytes(216) }],
  ["curve", ["rows"], { kind: "table", size: 72, table: bytes(256) }],
  ["gates", ["curve"], {
    kind: "convolution",
    window: { ...POINT_WINDOW, inputHeight: 2, outputHeight: 2 },
    inputChannels: 36,
    outputChannels: 12,
    groups: 1,
    inputZeroPoint: 100,
    inputHigh: 255,
    weights: weights(432, 7),
    bias: Int32Array.from({ length: 12 }, (_, row) => 100 * row),
  }],
  ["hidden", ["gates"], {
    kind: "lstm",
    steps: 2,
    batch: 1,
    hidden: 3,
    isReverse: false,
    ...codes(12, 3, 2, 3, 3),
    bias: Int32Array.from({ length: 12 }, (_, row) => 50 - 10 * row),
    inputMultipliers: new Int32Array(12).fill(2 ** 30),
    recurrentMultipliers: new Int32Array(12).fill(2 ** 29),
    shift: 30,
    gateTable: activationTable((x) => 1 / (1 + Math.exp(-x))),
    cellTable: activationTable(Math.tanh),
    cellBits: 13,
    output: { ...HIDDEN, multiplier: 2 ** 30, shift: 53 },
    carriesState: false,
  }],
  ["other", ["gates"], {
    kind: "gru",
    steps: 2,
    batch: 1,
    hidden: 4,
    isReverse: true,
    isLinear: false,
    hiddenCodes: 2,
    weights: weights(48, 7),
    bias: Int32Array.from({ length: 12 }, (_, row) => 50 - 10 * row),
    inputMultipliers: new Int32Array(12).fill(2 ** 30),
    recurrentMultipliers: new Int32Array(12).fill(2 ** 29),
    shift: 30,
    gateTable: activationTable((x) => 1 / (1 + Math.exp(-x))),
    cellTable: activationTable(Math.tanh),
    stateBits: 15,
    output: { ...HIDDEN, multiplier: 2 ** 30, shift: 38 },
    carriesState: false,
  }],
  ["plain", ["gates"], {
    kind: "rnn",
    steps: 2,
    batch: 1,
    hidden: 12,
    isReverse: false,
    weights: weights(144, 7),
    bias: Int32Array.from({ length: 12 }, (_, row) => 50 - 10 * row),
    inputMultipliers: new Int32Array(12).fill(2 ** 30),
    recurrentMultipliers: new Int32Array(12).fill(2 ** 29),
    shift: 30,
    argumentBits: 12,
    cellTable: activationTable(Math.tanh),
    output: { ...HIDDEN, multiplier: 2 ** 30, shift: 38 },
    carriesState: false,
  }],
  ["both", ["hidden", "other", "plain"], {
    kind: "concat",
    outer: 2,
    parts: [3, 4, 12].map((inner) => ({ dtype: "u8" as const, inner, zeroPoint: 128 })),
    output: HIDDEN,
  }],
  ["signs", ["both"], { kind: "online_codes", vectors: 2, length: 19, bits: 3, ...RANGE }],
  ["coded", ["signs"], {
    kind: "convolution",
    window: { ...POINT_WINDOW, inputHeight: 2, outputHeight: 2 },
    inputChannels: 19,
    outputChannels: 7,
    groups: 1,
    inputZeroPoint: 128,
    inputHigh: 255,
    ...codes(7, 19, 2, 12, 63),
    bias: Int32Array.of(9, 8, 7, 6, 5, 4, 3),
    output: { ...HIDDEN, multipliers: new Int32Array(7).fill(2 ** 30), shifts: new Uint8Array(7).fill(42) },
  }],
  ["spread", ["coded"], {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: 14,
    outputChannels: 4,
    groups: 1,
    inputZeroPoint: 128,
    inputHigh: 255,
    weights: weights(56, 127),
    bias: Int32Array.of(0, 100, 200, 300),
    output: {
      ...int32,
      zeroPoint: 0,
      multipliers: new Int32Array(4).fill(2 ** 30),
      shifts: new Uint8Array(4).fill(30),
    },
  }],
  ["narrow", ["spread"], {
    kind: "dynamic_product",
    positions: 1,
    inputs: 4,
    outputs: 14,
    activationBits: 6,
    weights: weights(56, 7),
    bias: Int32Array.from({ length: 14 }, (_, o) => 100 - 30 * o),
    output: { ...HIDDEN, multipliers: new Int32Array(14).fill(2 ** 30), shifts: new Uint8Array(14).fill(40) },
  }],
  ["y", ["narrow"], {
    kind: "convolution",
    window: POINT_WINDOW,
    inputChannels: 14,
    outputChannels: 3,
    groups: 1,
    inputZeroPoint: 128,
    inputHigh: 255,
    weights: weights(42, 127),
    bias: Int32Array.of(5, 6, -7),
    output: {
      ...int32,
      zeroPoint: 0,
      multipliers: new Int32Array(3).fill(2 ** 30),
      shifts: new Uint8Array(3).fill(30),
    },
  }],
];

const TENSORS: readonly NetworkTensor[] = [
  stored("x", [1, 2, 4, 4], 3),
  stored("conv", [1, 4, 4, 4], 9),
  stored("wide", [1, 4, 4, 4], 0, { ...wide, perChannel: true }),
  stored("sum", [1, 4, 4, 4], 40),
  stored("max", [1, 4, 2, 2], 40),
  stored("mean", [1, 4, 2, 2], 20),
  stored("concat", [1, 8, 2, 2], 40),
  stored("pad", [1, 8, 3, 3], 40),
  stored("flat", [1, 72], 40),
  stored("index", [1, 2], 0, { ...wide, low: 0, high: 5 }),
  stored("rows", [2, 1, 36], 100),
  stored("curve", [2, 1, 36], 100),
  stored("gates", [2, 1, 12], 0, { ...wide, perChannel: true }),
  stored("hidden", [2, 1, 3], 128),
  stored("other", [2, 1, 4], 128),
  stored("plain", [2, 1, 12], 128),
  stored("both", [2, 1, 19], 128),
  stored("signs", [2, 1, 19], 128),
  stored("coded", [2, 1, 7], 128),
  stored("spread", [1, 4], 0, wide),
  stored("narrow", [1, 14], 128),
  stored("y", [1, 3], 0, wide),
];

/** A small network by hand with a step of every kind of problem. */
export const EVERY_KIND: IntegerNetwork = {
  name: "every-kind",
  input: { name: "x", tensor: "x", shape: [1, 2, 4, 4], kind: "quantized" },
  output: { name: "y", tensor: "y", shape: [1, 3] },
  layers: [],
  tensors: new Map(TENSORS.map((tensor) => [tensor.name, tensor])),
  steps: STEPS.map(([output, inputs, problem]): NetworkStep => ({
    name: `make ${output}`,
    operator: problem?.kind ?? "alias",
    inputs,
    output,
    problem,
  })),
};

/** An input of random integers that the network takes. */
export function randomInput({ input, tensors }: IntegerNetwork, seed: number): number[] {
  const { shape, low, high } = tensors.get(input.tensor)!;
  const values = seededRandom(seed);
  return Array.from({ length: sizeOf(shape) }, () => values.integer(low, high));
}
