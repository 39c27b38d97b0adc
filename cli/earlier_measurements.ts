import { DYAD_VERSION } from "../lib/format/artefact.ts";
import { DyadError } from "../lib/format/error.ts";
import { type Latency, LatencyCodec, type Machine, type Measurement } from "../lib/format/latency.ts";
import { reusableMeasurements } from "../lib/profile/reuse.ts";
import { loadArtefact, type Loaded } from "./artefacts.ts";
import { STREAM } from "./files.ts";
import type { Terminal } from "./terminal.ts";

export interface EarlierMeasurements {
  /** The file that they are from, if there is one. */
  readonly name?: string;
  readonly measurements: ReadonlyMap<string, Measurement>;
}

const NONE: EarlierMeasurements = { measurements: new Map() };

/**
 * What need not be measured again: the measurements in the file that `cache` names, or else in the one that will be
 * written anew. A file that is of no use is told of; the output of a shard is a part, which is none.
 * @throws DyadError (input) when the file of `cache` is no latency table.
 */
export function earlierMeasurements(
  { cache, fresh, output = STREAM, shard }: {
    readonly cache?: string;
    readonly fresh: boolean;
    readonly output?: string;
    readonly shard?: unknown;
  },
  machine: Machine,
  terminal: Pick<Terminal, "note">,
): EarlierMeasurements {
  if (fresh) return NONE;
  if (cache === undefined && (output === STREAM || shard !== undefined || !isFile(output))) return NONE;
  const path = cache ?? output;
  let table: Loaded<Latency>;
  try {
    table = loadArtefact(LatencyCodec, path);
  } catch (error) {
    if (cache !== undefined || !(error instanceof DyadError)) throw error;
    terminal.note(`${path}: is no latency table to reuse; measuring everything`);
    return NONE;
  }
  const found = reusableMeasurements(table.content, machine, DYAD_VERSION);
  if (typeof found !== "string") return { name: table.name, measurements: found };
  terminal.note(`${path}: ${found}; measuring everything`);
  return NONE;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // it will be made, or writing it says what is wrong
  }
}
