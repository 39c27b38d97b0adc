import { usageError } from "../lib/format/error.ts";
import { STREAM } from "./files.ts";
import type { ValueType } from "./flag.ts";

/** What a flag or an argument came to. */
export interface GivenValue {
  /** What gave it, as errors call it. */
  readonly by: string;
  readonly of?: ValueType<unknown>;
  readonly value: unknown;
}

interface GivenFile {
  readonly by: string;
  readonly path: string;
}

/**
 * Refuses command lines whose output would replace what they read, however the two files are named.
 * @throws DyadError (usage) naming the file, and both flags or arguments.
 */
export function refuseOverwriting(given: readonly GivenValue[]): void {
  const written = filesOf(given, "written").map(({ by, path }) => ({ by, path, place: placeOf(path) }));
  if (written.every(({ place }) => place === undefined)) return; // new files, or none
  for (const source of filesOf(given, undefined)) {
    const place = placeOf(source.path.replace(NPZ_KEY, "$1"));
    const target = place === undefined ? undefined : written.find((each) => each.place === place);
    if (target === undefined) continue;
    throw usageError(`${target.by} would replace ${target.path}, which ${source.by} reads; give it another file`);
  }
}

/** `FILE.npz:KEY` */
const NPZ_KEY = /^(.+\.npz):[^/\\]+$/i;

function filesOf(given: readonly GivenValue[], fate: ValueType<unknown>["fate"]): GivenFile[] {
  return given
    .filter(({ of }) => of?.isFile && of.fate === fate)
    .flatMap(({ by, value }) => [value ?? []].flat().map((path) => ({ by, path: String(path) })));
}

/** Where a file is, links followed; undefined when there is none, or something that cannot be replaced. */
function placeOf(path: string): string | undefined {
  try {
    return path !== STREAM && Deno.statSync(path).isFile ? Deno.realPathSync(path) : undefined;
  } catch {
    return undefined; // whoever opens it says what is wrong
  }
}
