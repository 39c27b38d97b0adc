import { DyadError, type ErrorKind } from "../lib/format/error.ts";

/** What a Worker is told: once the kind of work and its setup, then task after task, each when the last is answered. */
export type JobRequest =
  | { readonly kind: "open"; readonly job: string; readonly setup: unknown }
  | { readonly kind: "compute"; readonly task: unknown };

/** What a Worker answers: `ready` when it has come up, and to each request parts, if any, then `done` or `failed`. */
export type JobAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "part"; readonly fraction: number }
  | { readonly kind: "done"; readonly result?: unknown }
  | { readonly kind: "failed"; readonly error: SentError };

/** An error on its way between threads, where classes get lost. */
export interface SentError {
  /** Of a `DyadError`; left out for defects. */
  readonly kind?: ErrorKind;
  readonly message: string;
  readonly stack?: string;
}

export function sendableError(error: unknown): SentError {
  if (error instanceof DyadError) return { kind: error.kind, message: error.message };
  return error instanceof Error ? { message: error.message, stack: error.stack } : { message: String(error) };
}

/** The error that was sent; of a defect the message says that it happened in `where`, and the stack is that of there. */
export function receivedError({ kind, message, stack }: SentError, where: string): Error {
  if (kind !== undefined) return new DyadError(kind, message);
  const error = new Error(`${where}: ${message}`);
  if (stack !== undefined) error.stack = `${where}: ${stack}`;
  return error;
}
