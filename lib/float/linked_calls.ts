import type { Program, ProgramCall } from "../../kernels/program.ts";

/** Calls of a program, each linked when it is made for the first time. */
export class LinkedCalls {
  readonly #program: Program;
  readonly #linked = new Map<string, () => void>();

  constructor(program: Program) {
    this.#program = program;
  }

  /** A function that makes calls in order. */
  join(calls: readonly ProgramCall[]): () => void {
    return this.#program.link([calls])[0];
  }

  /** `replaceWeights` of the program. */
  replaceWeights(entry: number, weights: Float32Array): void {
    this.#program.replaceWeights(entry, weights);
  }

  run(call: ProgramCall): void {
    const key = `${call.entry} ${call.output} ${call.inputs.join(" ")}`;
    let linked = this.#linked.get(key);
    if (linked === undefined) {
      [linked] = this.#program.link([[call]]);
      this.#linked.set(key, linked);
    }
    linked();
  }
}
