import { z } from "./schema.ts";
import { defineArtefact, FileReference } from "./artefact.ts";
import type { ContentOf } from "./plan.ts";

/** The artefacts whose work can be spread over processes. */
export const SHARDED_FORMATS = ["dyad/calibration", "dyad/sensitivity", "dyad/latency"] as const;
export type ShardedFormat = typeof SHARDED_FORMATS[number];

const ShardFields = z.strictObject({
  index: z.int().positive().describe("which shard, from 1"),
  count: z.int().positive().describe("how many shards there are"),
}).refine(({ index, count }) => index <= count, { message: "expected an index from 1 to the count" });

/** One of `count` shares of the work, counted from 1. */
export type Shard = Readonly<z.infer<typeof ShardFields>>;

/**
 * `dyad/part`: what one shard of a stage has measured. Its `inputs` and `options` are those of the whole artefact: the
 * shard itself is not among them, so `dyad merge` can write what an unsharded run would have written.
 */
export const PartCodec = defineArtefact("dyad/part", 1, {
  of: z.enum(SHARDED_FORMATS).describe("the artefact that the parts are merged into"),
  shard: ShardFields.describe("which part this is"),
  frame: z.unknown().describe("what all parts of one artefact share; its stage knows what is in it"),
  records: z.array(z.unknown()).describe("what this shard has measured; its stage knows what is in them"),
  tensorsFile: FileReference.optional().describe("the safetensors file beside it"),
});

/** The content of a part after the header. */
export type Part = ContentOf<typeof PartCodec>;

/** `2/4` */
export function shardName({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/** The units of work of one shard, in order: every `count`-th, so that dear and cheap ones spread evenly. */
export function shardOf<T>(units: readonly T[], { index, count }: Shard): T[] {
  return units.filter((_, position) => position % count === index - 1);
}
