/** Images whose sums are made, saved and moved as one. Part of the result: sums are made within chunks, then over them. */
export const CHUNK_IMAGES = 8;

/** How many images each chunk of `images` images has. */
export function chunkSizes(images: number): number[] {
  const chunks = Math.ceil(images / CHUNK_IMAGES);
  return Array.from({ length: chunks }, (_, chunk) => Math.min(CHUNK_IMAGES, images - chunk * CHUNK_IMAGES));
}
