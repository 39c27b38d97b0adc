/**
 * Runs ONNX models with onnxruntime-node or onnxruntime-web on one thread, for comparison; a process and a deno.json of
 * its own, so that the packages are only installed by those who compare:
 *
 *     deno run -A tests/bench/onnxruntime/serve.ts node|web
 *
 * Reads a request a line from standard input and answers each by a line: `Request` and `Answer` as JSON.
 */
import { benchFloats } from "./bench_input.ts";

export type Request =
  | { readonly kind: "ping" }
  /** Loads a model under a number and runs it once, on `benchFloats`. */
  | { readonly kind: "load"; readonly id: number; readonly path: string; readonly shape: readonly number[] }
  | { readonly kind: "run"; readonly id: number; readonly runs: number }
  | { readonly kind: "unload"; readonly id: number };

export type Answer =
  | { readonly ms: number; readonly output?: readonly number[] }
  | { readonly error: string };

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, unknown>): Promise<Record<string, { readonly data: Float32Array }>>;
  release(): Promise<void>;
}

/** What is used of either package. */
interface Onnxruntime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: { create(model: Uint8Array, options: Record<string, unknown>): Promise<Session> };
}

const [which] = Deno.args;
// Named by a variable, so that checking the types of the whole project does not install the packages.
const packageName = `onnxruntime-${which}`;
const { env, InferenceSession, Tensor }: Onnxruntime = await import(packageName);
if (which === "web") env.wasm.numThreads = 1;

const OPTIONS = {
  executionProviders: [which === "web" ? "wasm" : "cpu"],
  graphOptimizationLevel: "all",
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
};
/** Outputs that an answer holds at most. */
const OUTPUTS = 1000;

const loaded = new Map<number, { readonly session: Session; readonly feeds: Record<string, unknown> }>();

async function answer(request: Request): Promise<Answer> {
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  if (request.kind === "load") {
    const session = await InferenceSession.create(Deno.readFileSync(request.path), OPTIONS);
    const input = benchFloats(request.shape.reduce((a, b) => a * b, 1));
    const feeds = { [session.inputNames[0]]: new Tensor("float32", input, request.shape) };
    loaded.set(request.id, { session, feeds });
    const { [session.outputNames[0]]: { data } } = await session.run(feeds);
    return { ms: elapsed(), output: [...data.subarray(0, OUTPUTS)] };
  }
  if (request.kind === "ping") return { ms: elapsed() };
  const { session, feeds } = loaded.get(request.id)!;
  if (request.kind === "run") { for (let i = 0; i < request.runs; i++) await session.run(feeds); }
  else {
    await session.release();
    loaded.delete(request.id);
  }
  return { ms: elapsed() };
}

let pending = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (pending + text).split("\n");
  pending = lines.pop()!;
  for (const line of lines) {
    const result = await answer(JSON.parse(line)).catch((error): Answer => ({ error: String(error) }));
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(result)}\n`));
  }
}
