import { z } from "../format/schema.ts";

/** Images whose scores are added up before anything is saved. Part of the result: sums are made chunk by chunk. */
export const CHUNK_IMAGES = 8;

const amounts = z.array(z.number());

/** What the images of one chunk add to every score; what an interrupted run need not do again. */
export const ChunkRecord = z.strictObject({
  chunk: z.int().nonnegative().describe("position among the chunks, from 0"),
  images: z.int().positive().describe("how many images it has"),
  sums: amounts.describe("by trial, then by metric: the sum of what the images add"),
  baseline: amounts.describe("by metric that has one: the sum over images of the float network's figure"),
});
export type ChunkRecord = z.infer<typeof ChunkRecord>;

/** How many images each chunk of `images` images has. */
export function chunkSizes(images: number): number[] {
  const chunks = Math.ceil(images / CHUNK_IMAGES);
  return Array.from({ length: chunks }, (_, chunk) => Math.min(CHUNK_IMAGES, images - chunk * CHUNK_IMAGES));
}
