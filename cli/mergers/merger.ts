import type { ArtefactTarget } from "../files.ts";
import type { Loaded } from "../artefacts.ts";
import type { Part, ShardedFormat } from "../../lib/format/part.ts";
import type { Report } from "../report.ts";
import type { Terminal } from "../terminal.ts";

/** A part, and the file it was read from. */
export interface LoadedPart extends Loaded<Part> {
  /** As the command line gives it, "-" for standard input. */
  readonly path: string;
}

export interface MergeRequest {
  /** All parts of one run, in the order of their shards. */
  readonly parts: readonly LoadedPart[];
  /** What `--model` and `--data` name. */
  readonly model?: string;
  readonly data?: string;
  readonly target: ArtefactTarget;
  readonly terminal: Terminal;
}

/** How the parts of one kind of artefact become the artefact that an unsharded run writes, byte for byte. */
export interface Merger {
  readonly of: ShardedFormat;
  /** The parts, and the artefact, are of two files, and the model is run again to put them together. */
  readonly runsModel?: boolean;
  /** Writes the artefact to the target. @throws DyadError (input) naming the part that does not fit the others. */
  merge(request: MergeRequest): Promise<Report>;
}

/** How errors that no part alone is to blame for name the parts. */
export function nameOfAll([{ name }, ...others]: readonly LoadedPart[]): string {
  return others.length === 0 ? name : `${name} and the other ${others.length}`;
}

export function recordsOfAll(parts: readonly LoadedPart[]): unknown[] {
  return parts.flatMap(({ content }) => content.records);
}
