import type { IntegerDType } from "../arith/problem.ts";
import type { IntegerNetwork, NetworkTensor } from "../format/network.ts";
import { type ArrayOf, bytesOf } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Tensor, tensor, toActivationOrder, toLogicalOrder } from "../tensor/tensor.ts";

/** How a network is executed. All backends give the same bits. */
export const BACKENDS = ["wasm", "scalar"] as const;
export type Backend = (typeof BACKENDS)[number];

export type IntegerArray = ArrayOf<IntegerDType>;

/** Sees the integers of a step's output (memory order), which are only valid during the call. */
export type StepObserver = (step: number, output: IntegerArray) => void;

/** An integer network made ready to run on one backend. */
export interface IntegerEngine {
  readonly backend: Backend;
  readonly network: IntegerNetwork;
  /** Integers of one image in ONNX order in, int32 (or stored) integers of the output in ONNX order out. */
  run(input: ArrayLike<number>, observe?: StepObserver): IntegerArray;
  /** Steps that this backend leaves to the scalar reference, by name. */
  readonly scalarSteps: readonly string[];
  /** Which kernel computes each step; `alias` where nothing moves. */
  readonly kernels: readonly string[];
  /** Bytes of activations, as planned, and the least that any plan needs. */
  readonly memory: { readonly arenaBytes: number; readonly lowerBound: number };
  /** The generated WebAssembly module, where there is one. */
  readonly module?: Uint8Array;
}

export function tensorBytes({ dtype, shape }: Pick<NetworkTensor, "dtype" | "shape">): number {
  return sizeOf(shape) * bytesOf(dtype);
}

/** Copies one image in ONNX order into the memory order of the input tensor. */
export function loadInput(target: IntegerArray, input: ArrayLike<number>, { dtype, shape }: NetworkTensor): void {
  if (input.length !== target.length) {
    throw new RangeError(`the network's input takes ${target.length} integers, found ${input.length}`);
  }
  if (shape.length !== 4 || shape[1] === 1) return target.set(input);
  const logical = { dtype, shape, data: input } as unknown as Tensor<"u8">; // elements are only moved
  target.set(toActivationOrder(tensor("u8", shape, Uint8Array.from(logical.data))));
}

/** The output's integers in ONNX order, copied. */
export function readOutput(source: IntegerArray, { dtype, shape }: NetworkTensor): IntegerArray {
  return toLogicalOrder(tensor(dtype, shape, source as ArrayOf<typeof dtype>)) as IntegerArray;
}
