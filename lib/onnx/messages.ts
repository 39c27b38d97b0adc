/**
 * The messages of an ONNX file that this program reads or writes, as interfaces and, for the codec, as a table of field
 * numbers (onnx.proto of ONNX 1.16, IR version 10). Fields that are not listed (training info, annotations, device
 * configurations) are skipped. Repeated fields are always present after decoding; others are undefined when the file
 * leaves them out. Every int64 is a bigint: use `exactInteger` where a number is wanted.
 */

export interface ModelProto {
  readonly irVersion?: bigint;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly domain?: string;
  readonly modelVersion?: bigint;
  readonly docString?: string;
  readonly graph?: GraphProto;
  readonly opsetImport: readonly OperatorSetIdProto[];
  readonly metadataProps: readonly StringStringEntryProto[];
  readonly functions: readonly FunctionProto[];
}

export interface OperatorSetIdProto {
  readonly domain?: string;
  readonly version?: bigint;
}

export interface StringStringEntryProto {
  readonly key?: string;
  readonly value?: string;
}

/** Only enough to see that the model has functions of its own. */
export interface FunctionProto {
  readonly name?: string;
  readonly domain?: string;
}

export interface GraphProto {
  readonly name?: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly sparseInitializer: readonly SparseTensorProto[];
  readonly docString?: string;
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly valueInfo: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
  readonly docString?: string;
}

export interface AttributeProto {
  readonly name?: string;
  readonly refAttrName?: string;
  readonly docString?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: bigint;
  readonly s?: Uint8Array;
  readonly t?: TensorProto;
  readonly g?: GraphProto;
  readonly sparseTensor?: SparseTensorProto;
  readonly floats: readonly number[];
  readonly ints: readonly bigint[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly TensorProto[];
  readonly graphs: readonly GraphProto[];
}

export interface TensorProto {
  readonly name?: string;
  readonly dims: readonly bigint[];
  readonly dataType?: number;
  readonly segment?: SegmentProto;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly stringData: readonly Uint8Array[];
  readonly int64Data: readonly bigint[];
  readonly doubleData: readonly number[];
  readonly uint64Data: readonly bigint[];
  /** A view into the file. */
  readonly rawData?: Uint8Array;
  readonly docString?: string;
  readonly externalData: readonly StringStringEntryProto[];
  readonly dataLocation?: number;
}

export interface SegmentProto {
  readonly begin?: bigint;
  readonly end?: bigint;
}

/** Only enough to name it. */
export interface SparseTensorProto {
  readonly values?: TensorProto;
}

export interface ValueInfoProto {
  readonly name?: string;
  readonly type?: TypeProto;
  readonly docString?: string;
}

export interface TypeProto {
  readonly tensorType?: TensorTypeProto;
  readonly sequenceType?: OtherTypeProto;
  readonly mapType?: OtherTypeProto;
  readonly sparseTensorType?: OtherTypeProto;
  readonly optionalType?: OtherTypeProto;
}

export interface TensorTypeProto {
  readonly elemType?: number;
  readonly shape?: TensorShapeProto;
}

/** Only enough to see that a value is not a tensor. */
export type OtherTypeProto = Readonly<Record<never, never>>;

export interface TensorShapeProto {
  readonly dim: readonly DimensionProto[];
}

export interface DimensionProto {
  readonly dimValue?: bigint;
  readonly dimParam?: string;
}

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPES = [
  "undefined",
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
  "sparse tensor",
  "sparse tensors",
  "type",
  "types",
] as const;

/** TensorProto.DataLocation. */
export const EXTERNAL = 1;

export type ScalarType = "int32" | "int64" | "uint64" | "float" | "double" | "string" | "bytes";

/** The messages by name, without the `Proto`. */
export interface Messages {
  readonly Model: ModelProto;
  readonly OperatorSetId: OperatorSetIdProto;
  readonly StringStringEntry: StringStringEntryProto;
  readonly Function: FunctionProto;
  readonly Graph: GraphProto;
  readonly Node: NodeProto;
  readonly Attribute: AttributeProto;
  readonly Tensor: TensorProto;
  readonly Segment: SegmentProto;
  readonly SparseTensor: SparseTensorProto;
  readonly ValueInfo: ValueInfoProto;
  readonly Type: TypeProto;
  readonly TensorType: TensorTypeProto;
  readonly OtherType: OtherTypeProto;
  readonly TensorShape: TensorShapeProto;
  readonly Dimension: DimensionProto;
}

export type MessageName = keyof Messages;

/** One field on the wire: its number, its scalar type or message, and whether it repeats (`packed` when written). */
export interface Field {
  readonly id: number;
  readonly type: ScalarType | MessageName;
  readonly repeated?: "packed" | "plain";
}

const one = (id: number, type: Field["type"]): Field => ({ id, type });
const many = (id: number, type: Field["type"]): Field => ({ id, type, repeated: "plain" });
const packed = (id: number, type: ScalarType): Field => ({ id, type, repeated: "packed" });

/** Every message, field by field; the type holds the table to the interfaces above. */
export const MESSAGES: { readonly [M in MessageName]: Readonly<Record<keyof Messages[M], Field>> } = {
  Model: {
    irVersion: one(1, "int64"),
    producerName: one(2, "string"),
    producerVersion: one(3, "string"),
    domain: one(4, "string"),
    modelVersion: one(5, "int64"),
    docString: one(6, "string"),
    graph: one(7, "Graph"),
    opsetImport: many(8, "OperatorSetId"),
    metadataProps: many(14, "StringStringEntry"),
    functions: many(25, "Function"),
  },
  OperatorSetId: {
    domain: one(1, "string"),
    version: one(2, "int64"),
  },
  StringStringEntry: {
    key: one(1, "string"),
    value: one(2, "string"),
  },
  Function: {
    name: one(1, "string"),
    domain: one(10, "string"),
  },
  Graph: {
    node: many(1, "Node"),
    name: one(2, "string"),
    initializer: many(5, "Tensor"),
    docString: one(10, "string"),
    input: many(11, "ValueInfo"),
    output: many(12, "ValueInfo"),
    valueInfo: many(13, "ValueInfo"),
    sparseInitializer: many(15, "SparseTensor"),
  },
  Node: {
    input: many(1, "string"),
    output: many(2, "string"),
    name: one(3, "string"),
    opType: one(4, "string"),
    attribute: many(5, "Attribute"),
    docString: one(6, "string"),
    domain: one(7, "string"),
  },
  Attribute: {
    name: one(1, "string"),
    f: one(2, "float"),
    i: one(3, "int64"),
    s: one(4, "bytes"),
    t: one(5, "Tensor"),
    g: one(6, "Graph"),
    floats: many(7, "float"),
    ints: many(8, "int64"),
    strings: many(9, "bytes"),
    tensors: many(10, "Tensor"),
    graphs: many(11, "Graph"),
    docString: one(13, "string"),
    type: one(20, "int32"),
    refAttrName: one(21, "string"),
    sparseTensor: one(22, "SparseTensor"),
  },
  Tensor: {
    dims: many(1, "int64"),
    dataType: one(2, "int32"),
    segment: one(3, "Segment"),
    floatData: packed(4, "float"),
    int32Data: packed(5, "int32"),
    stringData: many(6, "bytes"),
    int64Data: packed(7, "int64"),
    name: one(8, "string"),
    rawData: one(9, "bytes"),
    doubleData: packed(10, "double"),
    uint64Data: packed(11, "uint64"),
    docString: one(12, "string"),
    externalData: many(13, "StringStringEntry"),
    dataLocation: one(14, "int32"),
  },
  Segment: {
    begin: one(1, "int64"),
    end: one(2, "int64"),
  },
  SparseTensor: {
    values: one(1, "Tensor"),
  },
  ValueInfo: {
    name: one(1, "string"),
    type: one(2, "Type"),
    docString: one(3, "string"),
  },
  Type: {
    tensorType: one(1, "TensorType"),
    sequenceType: one(4, "OtherType"),
    mapType: one(5, "OtherType"),
    sparseTensorType: one(8, "OtherType"),
    optionalType: one(9, "OtherType"),
  },
  TensorType: {
    elemType: one(1, "int32"),
    shape: one(2, "TensorShape"),
  },
  OtherType: {},
  TensorShape: {
    dim: many(1, "Dimension"),
  },
  Dimension: {
    dimValue: one(1, "int64"),
    dimParam: one(2, "string"),
  },
};
