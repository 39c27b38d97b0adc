import { inputError } from "../format/error.ts";
import type { ValueType } from "../ir/graph.ts";
import type { Shape } from "../tensor/shape.ts";
import { dataTypeName, dataTypeOf } from "./data_types.ts";
import type { DimensionProto, GraphProto, ValueInfoProto } from "./messages.ts";
import { exactInteger } from "./schema.ts";

/** An input as the file declares it. */
export interface ModelInput {
  readonly name: string;
  /** The data type's ONNX name; float16 and bfloat16 inputs are given as float32. */
  readonly type: string;
  /** A number, or the symbol of an extent that the file leaves open ("?" where it has none). */
  readonly shape: readonly (number | string)[];
}

/** Where a file has the images of a batch. */
export interface Batch {
  /** By input. */
  readonly axes: ReadonlyMap<string, number>;
  /** As the file has it, greater than 1; undefined where it is open. */
  readonly extent?: number;
}

/** The inputs for one image, and the batch where the file takes more than one. */
export interface BoundInputs {
  readonly declared: readonly ModelInput[];
  /** The batch has extent 1, the other axes their extents. */
  readonly types: ReadonlyMap<string, ValueType>;
  readonly batch?: Batch;
}

/** Shapes for one image by input. */
type GivenShapes = ReadonlyMap<string, readonly number[]>;

/**
 * Binds the extents of every graph input that is not an initializer to one image: the batch to 1, open extents to
 * `shapes`. The batch is axis 0 of every input. Where the inputs disagree on axis 0, or `shapes` gives it another extent
 * than 1 (a sequence model with time on axis 0), it is the one symbol that the shapes of all inputs hold and that is 1
 * for one image; or nothing is, where `shapes` gives every input and the file fixes their axis 0.
 * @throws DyadError on inputs that are neither float nor int32 nor int64 tensors, on open extents that `shapes` does not
 * give and on ones that it gives otherwise than the file.
 */
export function bindInputs(graph: GraphProto, shapes: Readonly<Record<string, readonly number[]>> = {}): BoundInputs {
  const givenShapes: GivenShapes = new Map(Object.entries(shapes));
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const infos = graph.input.filter(({ name }) => !initializers.has(name));
  if (infos.length === 0) throw inputError("the graph has no inputs");
  const names = infos.map(({ name }) => name ?? "");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw inputError(`the graph has two inputs named ${JSON.stringify(twice)}`);
  for (const name of givenShapes.keys()) {
    if (!names.includes(name)) {
      throw inputError(`--input-shape names ${JSON.stringify(name)}, the model's inputs are ${names.join(", ")}`);
    }
  }
  const declared: ModelInput[] = [];
  const dtypes: ValueType["dtype"][] = [];
  for (const info of infos) {
    const name = info.name ?? "";
    const given = givenShapes.get(name);
    const { dtype, type } = elementType(info);
    const dims = info.type!.tensorType!.shape?.dim.map((dim) => extentOf(dim, name));
    if (dims === undefined && given === undefined) {
      throw inputError(`input ${name} has no shape in the file; give it with --input-shape ${name}=1,...`);
    }
    const shape = dims ?? given!.map(() => "?");
    if (shape.length === 0) throw inputError(`input ${name} is a scalar, expected images on axis 0`);
    declared.push({ name, type, shape });
    dtypes.push(dtype);
  }
  const axes = batchAxes(declared, givenShapes);
  const types = new Map(declared.map((input, i) => [
    input.name,
    { dtype: dtypes[i], shape: bindShape(input, givenShapes.get(input.name), axes?.get(input.name)) },
  ]));
  const extent = axes && declared[0].shape[axes.get(names[0])!];
  if (axes === undefined || extent === 1) return { declared, types };
  return { declared, types, batch: typeof extent === "number" ? { axes, extent } : { axes } };
}

/** The axis of the batch in every input, or undefined where the shapes are those of one sample as a whole. */
function batchAxes(inputs: readonly ModelInput[], shapes: GivenShapes): ReadonlyMap<string, number> | undefined {
  const isOpen = (extent: number | string): extent is string => typeof extent === "string";
  const extents = new Set(inputs.map(({ shape: [first] }) => isOpen(first) ? "?" : first));
  const isGivenOtherwise = inputs.some(({ name }) => (shapes.get(name)?.[0] ?? 1) !== 1);
  if (extents.size === 1 && !isGivenOtherwise) return new Map(inputs.map(({ name }) => [name, 0]));
  const symbols = new Set(inputs[0].shape.filter((extent) => isOpen(extent) && extent !== "?"));
  const common = [...symbols].filter((symbol) =>
    inputs.every(({ name, shape }) =>
      shape.filter((extent) => extent === symbol).length === 1 && (shapes.get(name)?.[shape.indexOf(symbol)] ?? 1) === 1
    )
  );
  if (common.length === 1) return new Map(inputs.map(({ name, shape }) => [name, shape.indexOf(common[0])]));
  const isWhole = inputs.every(({ name, shape: [first] }) => shapes.has(name) && !isOpen(first));
  if (isWhole) return undefined;
  if (extents.size === 1) return new Map(inputs.map(({ name }) => [name, 0]));
  const listed = inputs.map(({ name, shape }) => `${name} [${shape}]`).join(", ");
  throw inputError(
    `the inputs disagree on axis 0, the batch: ${listed}; expected the same extent on all, or one symbol that is in all ` +
      `shapes; where the shapes are those of one sample, give each with --input-shape`,
  );
}

/** The declared type and shape of a value, open extents undefined, or undefined where the file says nothing of use. */
export function declaredType(
  info: ValueInfoProto,
): { readonly dtype?: string; readonly shape?: readonly (number | undefined)[] } | undefined {
  const tensorType = info.type?.tensorType;
  if (tensorType === undefined) return undefined;
  const shape = tensorType.shape?.dim.map((dim) => {
    const extent = extentOf(dim, info.name ?? "");
    return typeof extent === "number" ? extent : undefined;
  });
  return { dtype: dataTypeOf(tensorType.elemType)?.dtype, shape };
}

function elementType(info: ValueInfoProto): { dtype: ValueType["dtype"]; type: string } {
  if (info.type?.tensorType === undefined) throw inputError(`input ${info.name} is not a tensor`);
  const { elemType } = info.type.tensorType;
  const dtype = dataTypeOf(elemType)?.dtype;
  if (dtype !== "f32" && dtype !== "i32" && dtype !== "i64") {
    throw inputError(`input ${info.name} holds ${dataTypeName(elemType)}, expected float, int32 or int64`);
  }
  return { dtype, type: dataTypeName(elemType) };
}

/** Exporters write extents that they do not know as a symbol, as nothing at all, or as 0 or -1. */
function extentOf(dim: DimensionProto, name: string): number | string {
  if (dim.dimParam) return dim.dimParam;
  const value = exactInteger(dim.dimValue ?? 0n, `an extent of ${name}`);
  return value >= 1 ? value : "?";
}

function bindShape(
  { name, shape: declared }: ModelInput,
  given: readonly number[] | undefined,
  batchAxis: number | undefined,
): Shape {
  if (given !== undefined) {
    const fits = given.length === declared.length &&
      given.every((extent, axis) =>
        Number.isSafeInteger(extent) && extent >= 1 &&
        (axis === batchAxis ? extent === 1 : typeof declared[axis] === "string" || extent === declared[axis])
      );
    if (!fits) {
      throw inputError(
        `--input-shape gives ${name} as [${given}], the file declares [${declared}]; expected 1 image and equal extents`,
      );
    }
    return [...given];
  }
  return declared.map((extent, axis) => {
    if (axis === batchAxis) return 1;
    if (typeof extent === "number") return extent;
    const example = declared.map((other, i) => i === batchAxis ? 1 : other).join(",");
    throw inputError(
      `input ${name} leaves axis ${axis} (${extent}) open: give it as a number with --input-shape ${name}=${example}`,
    );
  });
}
