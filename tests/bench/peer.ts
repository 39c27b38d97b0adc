import type { Answer, Request } from "./onnxruntime/serve.ts";

export const PEERS = ["node", "web"] as const;
export type PeerName = (typeof PEERS)[number];

/** A model that a peer has loaded. */
export interface PeerModel extends AsyncDisposable {
  /** Milliseconds of so many runs. */
  run(runs: number): Promise<number>;
  /** Of the first run; at most its first thousand values. */
  readonly output: readonly number[];
}

/** onnxruntime-node or onnxruntime-web in a process of its own, one thread. */
export class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncGenerator<string>;
  /** Read while it runs, so that a talkative peer never waits for a reader. */
  readonly #errors: Promise<string>;
  #models = 0;

  private constructor(readonly name: PeerName) {
    const server = new URL("onnxruntime/serve.ts", import.meta.url);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", server.href, name],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    });
    this.#process = command.spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = linesOf(this.#process.stdout);
    this.#errors = this.#process.stderr.text();
  }

  /** The peer, or why it cannot be had: Deno installs it from npm on the first run. */
  static async start(name: PeerName): Promise<Peer | string> {
    const peer = new Peer(name);
    try {
      await peer.#ask({ kind: "ping" });
      return peer;
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      return (await peer.#errors).trim().split("\n").at(0) || String(error);
    }
  }

  /**
   * Loads a model from a file and runs it once.
   * @throws Error with what the peer says against it.
   */
  async load(path: string, shape: readonly number[]): Promise<PeerModel> {
    const id = this.#models++;
    const { output } = await this.#ask({ kind: "load", id, path, shape });
    return {
      output: output!,
      run: async (runs) => (await this.#ask({ kind: "run", id, runs })).ms,
      [Symbol.asyncDispose]: async () => void await this.#ask({ kind: "unload", id }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {}); // it may have ended already
    await this.#process.status;
  }

  async #ask(request: Request): Promise<{ ms: number; output?: readonly number[] }> {
    await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`onnxruntime-${this.name} ended`);
    const answer: Answer = JSON.parse(value);
    if ("error" in answer) throw new Error(`onnxruntime-${this.name}: ${answer.error}`);
    return answer;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let pending = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (pending + text).split("\n");
    pending = lines.pop()!;
    yield* lines;
  }
}
