/**
 * All outputs of an ONNX model by onnxruntime-node, for inputs of several types; like logits.ts a process of its own:
 *
 *     deno run -R -E -S --allow-ffi tests/bench/onnxruntime/outputs.ts < request.json > outputs.json
 *
 * Standard input holds a `Request`, standard output the elements of every output by name.
 */

export interface Request {
  /** The model's bytes in base64. */
  readonly model: string;
  readonly inputs: Readonly<Record<string, RequestInput>>;
}

export interface RequestInput {
  readonly type: "float32" | "int64" | "int32";
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** What is used of onnxruntime-node. */
interface Onnxruntime {
  readonly Tensor: new (type: string, data: ArrayLike<number | bigint>, dims: readonly number[]) => unknown;
  readonly InferenceSession: {
    create(model: Uint8Array): Promise<{
      run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
    }>;
  };
}

// Named by a variable, so that checking the types of the whole project does not install the package.
const PACKAGE = "onnxruntime-node";

function elementsOf({ type, data }: RequestInput): ArrayLike<number | bigint> {
  if (type === "int64") return BigInt64Array.from(data, BigInt);
  return type === "int32" ? Int32Array.from(data) : Float32Array.from(data);
}

const { InferenceSession, Tensor }: Onnxruntime = await import(PACKAGE);
const { model, inputs }: Request = await new Response(Deno.stdin.readable).json();
const session = await InferenceSession.create(Uint8Array.from(atob(model), (character) => character.charCodeAt(0)));
const feeds = Object.entries(inputs).map(([name, input]) =>
  [name, new Tensor(input.type, elementsOf(input), input.dims)] as const
);
const outputs = await session.run(Object.fromEntries(feeds));
const listed = Object.entries(outputs).map(([name, { data }]) => [name, [...data]] as const);
const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(listed)));
for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
