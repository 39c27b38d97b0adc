import { usageError } from "../lib/format/error.ts";
import { type Part, type Shard, shardName } from "../lib/format/part.ts";
import type { ArtefactTarget } from "./files.ts";
import { optionalFlag, type ValueType } from "./flag.ts";
import { facts, type Report } from "./report.ts";

/** Most shards: far beyond any cluster, and short of numbers that lose digits. */
const MOST_SHARDS = 1_000_000;

/** `2/4`: the second of four shares. */
export const SHARD: ValueType<Shard> = {
  parse(text) {
    const match = /^\s*(\d{1,9})\s*\/\s*(\d{1,9})\s*$/.exec(text);
    if (match === null) throw usageError(`found ${JSON.stringify(text)}, expected INDEX/COUNT, like 2/4`);
    const [index, count] = [Number(match[1]), Number(match[2])];
    if (count < 1 || count > MOST_SHARDS) {
      throw usageError(`found ${count} shards in ${JSON.stringify(text)}, expected 1 to ${MOST_SHARDS}`);
    }
    if (index < 1 || index > count) {
      throw usageError(`found shard ${index} of ${count}, expected 1/${count} to ${count}/${count}`);
    }
    return { index, count };
  },
};

/** For commands whose work can be spread over processes; without it a command does all of its work. */
export const SHARD_FLAG = {
  shard: optionalFlag(
    "--shard <i/n>",
    "do the i-th of n equal shares of the work and write a part; dyad merge makes the artefact of all parts",
    SHARD,
  ),
};

/** What a command says of its part beside what all say. */
interface More {
  readonly json: Readonly<Record<string, unknown>>;
  readonly facts: readonly (readonly [string, string])[];
}

/** The report of a command that has written a part; `share` says how much of all work it holds. */
export function partReport(
  { of, shard }: Pick<Part, "of" | "shard">,
  share: string,
  { name, companion }: Pick<ArtefactTarget, "name" | "companion">,
  more: More = { json: {}, facts: [] },
): Report {
  return {
    json: { output: name, tensorsFile: companion, shard: shardName(shard), of, ...more.json },
    blocks: [
      facts([
        ["part", `${shardName(shard)} of a ${of}: ${share}`],
        ...more.facts,
        ["written", companion === undefined ? name : `${name}, ${companion}`],
      ]),
    ],
  };
}
