import { ImageTeam, type ImageTeamOptions } from "./image_team.ts";
import type { CompiledRunner, Runner } from "./runner.ts";

export interface ImageRunnerOptions extends ImageTeamOptions {
  /** At most, and at most one for each processor, since they wait for each other. Default 1. */
  readonly threads?: number;
}

/** A network made ready to run, each of its images on several threads together where that is worth it. */
export class ImageRunner {
  #compiled: CompiledRunner | undefined;
  #team: ImageTeam | undefined;

  private constructor(private readonly runner: Runner) {}

  /** @throws as `Runner.compile` does; for one thread `compile` does. */
  static async open(runner: Runner, { threads = 1, ...options }: ImageRunnerOptions): Promise<ImageRunner> {
    const opened = new ImageRunner(runner);
    const used = Math.min(threads, navigator.hardwareConcurrency);
    if (used < 2) return opened;
    const compiled = opened.#compiled = runner.compile(used);
    if (compiled.split !== undefined) opened.#team = await ImageTeam.start(compiled.split, options);
    return opened;
  }

  /** Threads that compute an image. */
  get threads(): number {
    return this.#team === undefined ? 1 : this.#compiled!.split!.threads;
  }

  /** The same at every call. */
  compile(): CompiledRunner {
    return this.#compiled ??= this.runner.compile();
  }

  /** From now on one thread computes images. @throws what ended a Worker, if one has. */
  async close(): Promise<void> {
    const team = this.#team;
    this.#team = undefined;
    await team?.close();
  }
}
