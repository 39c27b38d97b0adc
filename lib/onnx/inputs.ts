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

/** The inputs for one image, and how many images the file's batch axis takes. */
export interface BoundInputs {
  readonly declared: readonly ModelInput[];
  /** Axis 0 has extent 1, the others their extents. */
  readonly types: ReadonlyMap<string, ValueType>;
  /** Extent of axis 0 as the file has it; undefined where it is open. */
  readonly batch: number | undefined;
}

/**
 * Binds the extents of every graph input that is not an initializer: axis 0, the batch, to one image; open extents
 * to `shapes`.
 * @throws DyadError on inputs that are not float tensors, on open extents that `shapes` does not give and on ones that
 * it gives otherwise than the file.
 */
export function bindInputs(graph: GraphProto, shapes: Readonly<Record<string, readonly number[]>> = {}): BoundInputs {
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const infos = graph.input.filter(({ name }) => !initializers.has(name));
  if (infos.length === 0) throw inputError("the graph has no inputs");
  const names = infos.map(({ name }) => name ?? "");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw inputError(`the graph has two inputs named ${JSON.stringify(twice)}`);
  for (const name of Object.keys(shapes)) {
    if (!names.includes(name)) {
      throw inputError(`--input-shape names ${JSON.stringify(name)}, the model's inputs are ${names.join(", ")}`);
    }
  }
  const declared: ModelInput[] = [];
  const types = new Map<string, ValueType>();
  const batches = new Set<number | undefined>();
  for (const info of infos) {
    const name = info.name ?? "";
    const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    const { dtype, type } = elementType(info);
    const dims = info.type!.tensorType!.shape?.dim.map((dim) => extentOf(dim, name));
    if (dims === undefined && given === undefined) {
      throw inputError(`input ${name} has no shape in the file; give it with --input-shape ${name}=1,...`);
    }
    declared.push({ name, type, shape: dims ?? [] });
    types.set(name, { dtype, shape: bindShape(name, dims ?? given!.map(() => "?"), given) });
    batches.add(typeof dims?.[0] === "number" ? dims[0] : undefined);
  }
  if (batches.size > 1) {
    const listed = declared.map(({ name, shape }) => `${name} [${shape}]`).join(", ");
    throw inputError(`the inputs disagree on axis 0, the batch: ${listed}; expected the same extent on all`);
  }
  return { declared, types, batch: [...batches][0] };
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
  if (dtype !== "f32") throw inputError(`input ${info.name} holds ${dataTypeName(elemType)}, expected float`);
  return { dtype, type: dataTypeName(elemType) };
}

/** Exporters write extents that they do not know as a symbol, as nothing at all, or as 0 or -1. */
function extentOf(dim: DimensionProto, name: string): number | string {
  if (dim.dimParam) return dim.dimParam;
  const value = exactInteger(dim.dimValue ?? 0n, `an extent of ${name}`);
  return value >= 1 ? value : "?";
}

function bindShape(name: string, declared: readonly (number | string)[], given: readonly number[] | undefined): Shape {
  if (declared.length === 0) throw inputError(`input ${name} is a scalar, expected images on axis 0`);
  if (given !== undefined) {
    const fits = given.length === declared.length && given[0] === 1 &&
      given.every((extent, axis) =>
        Number.isSafeInteger(extent) && extent >= 1 &&
        (axis === 0 || typeof declared[axis] === "string" || extent === declared[axis])
      );
    if (!fits) {
      throw inputError(
        `--input-shape gives ${name} as [${given}], the file declares [${declared}]; expected 1 image and equal extents`,
      );
    }
    return [...given];
  }
  return declared.map((extent, axis) => {
    if (axis === 0) return 1;
    if (typeof extent === "number") return extent;
    const example = declared.map((other, i) => i === 0 ? 1 : other).join(",");
    throw inputError(
      `input ${name} leaves axis ${axis} (${extent}) open: give it as a number with --input-shape ${name}=${example}`,
    );
  });
}
