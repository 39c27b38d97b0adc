import { DYAD_VERSION } from "../lib/format/artefact.ts";
import { DyadError, EXIT_CODES } from "../lib/format/error.ts";
import type { Terminal } from "./terminal.ts";

export const EXIT_DONE = 0;
const EXIT_INTERNAL = 1;

/** Says what went wrong and returns the exit code. */
export function reportError(error: unknown, terminal: Pick<Terminal, "error">): number {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT_DONE; // the reader, such as `head`, has seen enough
  if (error instanceof DyadError) {
    terminal.error(error.message);
    return EXIT_CODES[error.kind];
  }
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  terminal.error(
    `internal error, not caused by what you gave: please report it with the command line and this text\n` +
      `dyad ${DYAD_VERSION}, deno ${Deno.version.deno}, ${Deno.build.target}\n${stack}`,
  );
  return EXIT_INTERNAL;
}
