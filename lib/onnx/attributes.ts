import { DyadError, inputError } from "../format/error.ts";
import type { AttributeSpec, AttributeType, RawAttributes } from "../ops/operator.ts";
import { ATTRIBUTE_TYPES, type AttributeProto, type NodeProto } from "./messages.ts";
import { exactInteger } from "./schema.ts";
import { checkFinite, type ExternalFiles, tensorOf } from "./tensor.ts";

type AttributeSpecs = Readonly<Record<string, AttributeSpec>>;

/** The bytes of string attributes are UTF-8. */
const UTF8 = new TextDecoder();

/** One message for each attribute of `node` that its operator does not have in this opset or that has another type. */
export function attributeProblems(node: NodeProto, specs: AttributeSpecs, opset: number): string[] {
  const seen = new Set<string>();
  return node.attribute.flatMap((attribute) => {
    const name = attribute.name ?? "";
    if (seen.has(name)) return [`attribute ${name} is there twice`];
    seen.add(name);
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) return [`attribute ${JSON.stringify(name)} is not supported`];
    if (opset < (spec.since ?? opset)) return [`attribute ${name} exists from opset ${spec.since} on, found ${opset}`];
    if (opset > (spec.until ?? opset)) return [`attribute ${name} exists up to opset ${spec.until}, found ${opset}`];
    if (attribute.refAttrName) return [`attribute ${name} refers to one of a function, expected a value`];
    const type = typeOf(attribute);
    if (type !== spec.type) return [`attribute ${name} is of type ${type}, expected ${spec.type}`];
    try {
      if (type === "int" || type === "ints") valueOf(attribute, spec.type, name);
    } catch (error) {
      if (error instanceof DyadError) return [error.message];
      throw error;
    }
    return [];
  });
}

/** The values of a node's attributes, which must be without problems. @throws DyadError for a tensor that cannot be read. */
export function readAttributes(
  node: NodeProto,
  specs: AttributeSpecs,
  what: string,
  external?: ExternalFiles,
): RawAttributes {
  return Object.fromEntries(
    node.attribute.map((attribute) => {
      const name = attribute.name!;
      return [name, valueOf(attribute, specs[name].type, `attribute ${name} of ${what}`, external)];
    }),
  );
}

function typeOf(attribute: AttributeProto): string {
  if (attribute.type) return ATTRIBUTE_TYPES[attribute.type] ?? `number ${attribute.type}`;
  // Files of IR version 1 do not say the type: it is that of the field that is set.
  if (attribute.f !== undefined) return "float";
  if (attribute.i !== undefined) return "int";
  if (attribute.s !== undefined) return "string";
  if (attribute.t !== undefined) return "tensor";
  if (attribute.g !== undefined) return "graph";
  return (["floats", "ints", "strings", "tensors", "graphs"] as const).find((key) => attribute[key].length > 0) ??
    "undefined";
}

/** A field that protobuf leaves out holds its default. */
function valueOf(
  attribute: AttributeProto,
  type: AttributeType,
  what: string,
  external?: ExternalFiles,
): RawAttributes[string] {
  switch (type) {
    case "int":
      return exactInteger(attribute.i ?? 0n, what);
    case "ints":
      return attribute.ints.map((value) => exactInteger(value, what));
    case "float":
      return attribute.f ?? 0;
    case "floats":
      return [...attribute.floats];
    case "string":
      return UTF8.decode(attribute.s);
    case "strings":
      return attribute.strings.map((value) => UTF8.decode(value));
    case "tensor": {
      if (attribute.t === undefined) throw inputError(`${what} holds no tensor`);
      const value = tensorOf(attribute.t, what, external);
      checkFinite(value, what);
      return value;
    }
  }
}
