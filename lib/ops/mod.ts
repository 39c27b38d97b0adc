/** The operators: one file each, one line each here. Import, passes, engines, tests and documentation read this list. */
import { add } from "./add.ts";
import { average_pool } from "./average_pool.ts";
import { batch_normalization } from "./batch_normalization.ts";
import { channel_affine } from "./channel_affine.ts";
import { clip } from "./clip.ts";
import { concat } from "./concat.ts";
import { constant } from "./constant.ts";
import { constant_of_shape } from "./constant_of_shape.ts";
import { conv } from "./conv.ts";
import { dropout } from "./dropout.ts";
import { expand } from "./expand.ts";
import { flatten } from "./flatten.ts";
import { gather } from "./gather.ts";
import { gemm } from "./gemm.ts";
import { global_average_pool } from "./global_average_pool.ts";
import { gru } from "./gru.ts";
import { identity } from "./identity.ts";
import { log_softmax } from "./log_softmax.ts";
import { lstm } from "./lstm.ts";
import { matmul } from "./matmul.ts";
import { max_pool } from "./max_pool.ts";
import { pad } from "./pad.ts";
import { reduce_mean } from "./reduce_mean.ts";
import { relu } from "./relu.ts";
import { reshape } from "./reshape.ts";
import { rnn } from "./rnn.ts";
import { shape } from "./shape.ts";
import { sigmoid } from "./sigmoid.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { squeeze } from "./squeeze.ts";
import { sum } from "./sum.ts";
import { tanh } from "./tanh.ts";
import { transpose } from "./transpose.ts";
import { unsqueeze } from "./unsqueeze.ts";
import type { OnnxImport, Operator, OperatorEntry } from "./operator.ts";

export const ENTRIES: readonly OperatorEntry[] = [
  add,
  average_pool,
  batch_normalization,
  channel_affine,
  clip,
  concat,
  constant,
  constant_of_shape,
  conv,
  dropout,
  expand,
  flatten,
  gather,
  gemm,
  global_average_pool,
  gru,
  identity,
  log_softmax,
  lstm,
  matmul,
  max_pool,
  pad,
  reduce_mean,
  relu,
  reshape,
  rnn,
  shape,
  sigmoid,
  slice,
  softmax,
  squeeze,
  sum,
  tanh,
  transpose,
  unsqueeze,
] as readonly OperatorEntry[]; // each operator narrows the attributes that its own nodes carry

const OPERATORS = new Map(ENTRIES.flatMap(({ operator }) => operator ? [[operator.name, operator]] : []));
const IMPORTS = new Map(ENTRIES.flatMap(({ onnx }) => onnx ? [[onnx.type, onnx]] : []));

/** The operator of nodes whose `op` is `name`. @throws Error for a name that no operator has. */
export function operatorOf(name: string): Operator {
  const operator = OPERATORS.get(name);
  if (operator === undefined) throw new Error(`no operator is named ${name}`);
  return operator;
}

/** How ONNX nodes of `type` are imported, undefined for one that is not supported. */
export function importOf(type: string): OnnxImport | undefined {
  return IMPORTS.get(type);
}

/** ONNX node types that can be imported, in alphabetical order. */
export function supportedTypes(): string[] {
  return [...IMPORTS.keys()].sort();
}
