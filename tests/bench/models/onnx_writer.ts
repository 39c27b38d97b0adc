import type { AttributeProto, NodeProto, TensorProto } from "../../../lib/onnx/messages.ts";
import { encodeModel, type Plain } from "../../../lib/onnx/schema.ts";
import { info } from "../../lib/onnx/sample_model.ts";

/** TensorProto.DataType. */
const DATA_TYPES = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7 } as const;

const OPSET = 13;
/** Operators that ONNX Runtime adds to the standard's. */
export const MICROSOFT = "com.microsoft";

export type Attribute = Plain<AttributeProto>;

/** Collects nodes and constants of an ONNX model, in order. */
export class OnnxWriter {
  readonly #nodes: Plain<NodeProto>[] = [];
  readonly #constants: Plain<TensorProto>[] = [];

  constructor(private readonly name: string) {}

  /** Adds a constant and returns its name. */
  constant(
    name: string,
    type: keyof typeof DATA_TYPES,
    dims: readonly number[],
    data: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array,
  ): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#constants.push({ name, dims, dataType: DATA_TYPES[type], rawData });
    return name;
  }

  /** Adds a node and returns the name of its one output. */
  node(
    opType: string,
    input: readonly string[],
    output: string,
    attribute: readonly Attribute[] = [],
    domain = "",
  ): string {
    this.#nodes.push({ name: `${opType} ${output}`, opType, domain, input, output: [output], attribute });
    return output;
  }

  /** The file, with one float input and one float output; axis 0 of both is open. */
  finish(input: NamedShape, output: NamedShape): Uint8Array {
    const open = ({ name, shape }: NamedShape) => info(name, ["N", ...shape.slice(1)]);
    return encodeModel({
      irVersion: 7,
      opsetImport: [{ version: OPSET }, { domain: MICROSOFT, version: 1 }],
      graph: {
        name: this.name,
        node: this.#nodes,
        initializer: this.#constants,
        input: [open(input)],
        output: [open(output)],
      },
    });
  }
}

export interface NamedShape {
  readonly name: string;
  /** With the batch axis in front. */
  readonly shape: readonly number[];
}
