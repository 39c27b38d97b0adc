import { setImmediate } from "node:timers/promises";
import { END_SIGNALS } from "./signals.ts";

/** How long work may go on before signals are looked at. */
const LOOK_MS = 50;

/** Thrown at a place where work can stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly exitCode: number) {
    super("interrupted");
  }
}

/** Lets long work notice the signals that ask a process to end, and stop where it has come to a good place. */
export class Interruption {
  #looked = performance.now();
  readonly #controller = new AbortController();
  readonly #listeners = Array.from(END_SIGNALS, ([signal, code]) => {
    const listener = (): void => this.#controller.abort(new Interrupted(code));
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });

  /** Aborted with an `Interrupted` once a signal has arrived: for work that waits. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** To be called often by work that does not wait. @throws Interrupted once a signal has arrived. */
  async check(): Promise<void> {
    if (performance.now() - this.#looked >= LOOK_MS) {
      await setImmediate(); // signals arrive between turns of the event loop
      this.#looked = performance.now();
    }
    this.signal.throwIfAborted();
  }

  dispose(): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
