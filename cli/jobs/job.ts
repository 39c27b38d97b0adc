/**
 * Computes tasks one by one. It yields the fraction of a task that is done, often enough for progress to be shown and for
 * an interruption to be noticed.
 */
export type Compute<Task, Result> = (task: Task) => Generator<number, Result>;

/**
 * A kind of work that Workers can share: one file in jobs/, one line in jobs/mod.ts. Setups, tasks and results are sent
 * from one to another: plain data, maps, sets and typed arrays.
 */
export interface Job<Setup, Task, Result> {
  /** Finds it again in a Worker. */
  readonly name: string;
  /** Makes what all tasks need, once in each Worker. @throws DyadError for a setup that makes no sense. */
  open(setup: Setup): Compute<Task, Result>;
}

/** A job of a list: the code that sends setups and tasks to it knows their types. */
export type AnyJob = Job<never, never, unknown>;
