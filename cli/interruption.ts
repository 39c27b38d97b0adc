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

/** Lets long synchronous work notice signals, and stop where it has come to a good place. */
export class Interruption {
  #exitCode?: number;
  #looked = performance.now();
  readonly #listeners = Array.from(END_SIGNALS, ([signal, code]) => {
    const listener = (): void => {
      this.#exitCode = code;
    };
    Deno.addSignalListener(signal, listener);
    return [signal, listener] as const;
  });

  /** To be called often. @throws Interrupted once a signal has arrived. */
  async check(): Promise<void> {
    if (performance.now() - this.#looked >= LOOK_MS) {
      await setImmediate(); // signals arrive between turns of the event loop
      this.#looked = performance.now();
    }
    if (this.#exitCode !== undefined) throw new Interrupted(this.#exitCode);
  }

  dispose(): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
