/**
 * Runs an ONNX model with onnxruntime-node, for comparison; a process and a deno.json of its own, so that the package
 * is only installed by those who compare:
 *
 *     deno run -R -E -S --allow-ffi tests/bench/onnxruntime/logits.ts MODEL N,C,H,W < floats > floats
 *
 * Standard input and output are raw little-endian float32.
 */

/** What is used of onnxruntime-node. */
interface Onnxruntime {
  readonly Tensor: new (
    type: "float32",
    data: Float32Array,
    dims: readonly number[],
  ) => unknown;
  readonly InferenceSession: {
    create(path: string): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
    }>;
  };
}

// Named by a variable, so that checking the types of the whole project does not install the package.
const PACKAGE = "onnxruntime-node";

const { InferenceSession, Tensor }: Onnxruntime = await import(PACKAGE);
const [model, shape] = Deno.args;
const input = new Float32Array(await new Response(Deno.stdin.readable).arrayBuffer());
const session = await InferenceSession.create(model);
const tensor = new Tensor("float32", input, shape.split(",").map(Number));
const { [session.outputNames[0]]: { data } } = await session.run({ [session.inputNames[0]]: tensor });
const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
