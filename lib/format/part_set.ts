import { type ArtefactHeader, DYAD_VERSION } from "./artefact.ts";
import { inputError } from "./error.ts";
import { type Part, shardName } from "./part.ts";

/** A part that has been read. */
export interface NamedPart {
  /** The file, for errors. */
  readonly name: string;
  readonly content: Part & ArtefactHeader;
}

/** What parts of one artefact must share, as errors call it. */
const SHARED = [
  ["of", "parts of different artefacts"],
  ["dyad", "made by different versions of dyad"],
  ["inputs", "made from different files"],
  ["options", "made with different options"],
  ["frame", "of different runs"],
] as const;

const ADVICE = "make all parts by one command that differs in --shard alone";

/**
 * The parts in the order of their shards, as many as there are shards, each once, all of one run of this program.
 * @throws DyadError (input) naming the files, and what does not fit.
 */
export function wholeSet<P extends NamedPart>(parts: readonly P[]): P[] {
  const [first, ...others] = parts;
  if (first === undefined) throw inputError("found no parts to merge");
  for (const other of others) requireSameRun(first, other);
  const { dyad, of, shard: { count } } = first.content;
  if (dyad !== DYAD_VERSION) {
    const maker = dyad === "" ? "by hand" : `by dyad ${dyad}`;
    throw inputError(`${first.name}: was made ${maker}, this is dyad ${DYAD_VERSION}; make the parts again with it`);
  }
  const byIndex = new Map<number, P>();
  for (const part of parts) {
    const { shard } = part.content;
    const before = byIndex.get(shard.index);
    if (before !== undefined) {
      const both = before.name === part.name
        ? `${part.name}: is given twice, as`
        : `${before.name} and ${part.name} are both`;
      throw inputError(`${both} part ${shardName(shard)} of the ${of}; expected each part once`);
    }
    byIndex.set(shard.index, part);
  }
  if (byIndex.size < count) throw inputError(missing(byIndex, count, first));
  return Array.from(byIndex).sort(([a], [b]) => a - b).map(([, part]) => part);
}

function requireSameRun(first: NamedPart, other: NamedPart): void {
  const files = `${first.name} and ${other.name}`;
  for (const [field, what] of SHARED) {
    const path = firstDifference(first.content[field], other.content[field]);
    if (path === undefined) continue;
    const [a, b] = [first, other].map(({ content }) => brief(valueAt(content[field], path)));
    const where = path.length === 0 ? "" : ` ${path.join(".")}:`;
    throw inputError(`${files} are ${what}:${where} found ${a} and ${b}; ${ADVICE}`);
  }
  const [a, b] = [first.content.shard, other.content.shard];
  if (a.count !== b.count) {
    throw inputError(
      `${files} are parts ${shardName(a)} and ${shardName(b)}, of ${a.count} and of ${b.count}; ${ADVICE}`,
    );
  }
}

const MOST_NAMED = 8;

function missing(found: ReadonlyMap<number, unknown>, count: number, { name, content: { of } }: NamedPart): string {
  const lacking: string[] = [];
  for (let index = 1; index <= count && lacking.length < MOST_NAMED; index++) {
    if (!found.has(index)) lacking.push(shardName({ index, count }));
  }
  const more = count - found.size - lacking.length;
  const [parts, are] = count - found.size > 1 ? ["parts", "are"] : ["part", "is"];
  const which = `${parts} ${lacking.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const beside = found.size === 1 ? `${name} alone` : `${name} and ${found.size - 1} more`;
  return `${which} of the ${of} ${are} missing: found ${beside}; make what is missing with --shard, or name its file too`;
}

/** The path to the first place where two JSON values differ; undefined where they are equal. */
function firstDifference(a: unknown, b: unknown): string[] | undefined {
  if (Object.is(a, b)) return undefined;
  if (!isCollection(a) || !isCollection(b) || Array.isArray(a) !== Array.isArray(b)) return [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const rest = firstDifference(a[key], b[key]);
    if (rest !== undefined) return [key, ...rest];
  }
  return undefined;
}

function isCollection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((inner, key) => isCollection(inner) ? inner[key] : undefined, value);
}

const MOST_CHARACTERS = 40;

function brief(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "string" && value.length > MOST_CHARACTERS) return JSON.stringify(`${value.slice(0, 12)}…`);
  const text = JSON.stringify(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}
