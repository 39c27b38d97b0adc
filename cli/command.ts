import type { Flag, Positional } from "./flag.ts";
import type { Report } from "./report.ts";
import type { Terminal } from "./terminal.ts";

export type Positionals = Readonly<Record<string, Positional<unknown>>>;
export type Flags = Readonly<Record<string, Flag<unknown>>>;

type PositionalValues<P extends Positionals> = {
  readonly [K in keyof P]: P[K] extends Positional<infer T> ? T : never;
};
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

export interface Context<P extends Positionals, F extends Flags> {
  readonly args: PositionalValues<P>;
  readonly flags: FlagValues<F>;
  readonly terminal: Terminal;
}

/**
 * A sub-command: flags, one library call, one artefact, one report. Parsing, `--help` and shell completions derive from
 * it. Keys of `positionals` and `flags` are how `run` reads them; positionals come in the order of their keys.
 */
export interface Command<P extends Positionals = Positionals, F extends Flags = Flags, J = unknown> {
  readonly name: string;
  /** One line without a full stop, for the list of commands. */
  readonly summary: string;
  /** More, for the command's own help. */
  readonly details?: string;
  readonly positionals: P;
  readonly flags: F;
  /** Command lines that work when pasted. */
  readonly examples: readonly string[];
  /** @throws DyadError for what the user can mend; anything else is an internal error. */
  run(context: Context<P, F>): Promise<Report<J> | undefined>;
}

/** Infers the types of a command's positionals and flags, and of the JSON of its report. */
export function defineCommand<P extends Positionals, F extends Flags, J>(command: Command<P, F, J>): Command<P, F, J> {
  return command;
}
