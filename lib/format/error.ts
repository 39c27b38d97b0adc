/**
 * What went wrong, in the classes that a shell script tells apart:
 * `usage` (exit 2), `input` (bad or mismatched input, exit 3), `infeasible` (no plan fits the limits, exit 4),
 * `verification` (a claim failed, exit 5). Anything that is not a DyadError is an internal error (exit 1).
 */
export type ErrorKind = "usage" | "input" | "infeasible" | "verification";

export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { usage: 2, input: 3, infeasible: 4, verification: 5 };

/**
 * An error that a user can act on. The message names the file, the node or tensor, what was found, what was expected,
 * and what to do; it is shown without a stack trace.
 */
export class DyadError extends Error {
  override readonly name = "DyadError";

  constructor(readonly kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Bad or mismatched input, exit status 3. */
export function inputError(message: string, options?: ErrorOptions): DyadError {
  return new DyadError("input", message, options);
}

/** A command or call that makes no sense, exit status 2. */
export function usageError(message: string, options?: ErrorOptions): DyadError {
  return new DyadError("usage", message, options);
}

/** Runs `action`; a DyadError from it gets `where: ` in front, so that inner code need not know the file. */
export function within<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof DyadError) throw new DyadError(error.kind, `${where}: ${error.message}`, { cause: error });
    throw error;
  }
}
