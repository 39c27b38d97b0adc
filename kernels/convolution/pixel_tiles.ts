/** `count` tiles of `size`. */
export interface Run {
  readonly count: number;
  readonly size: number;
}

/**
 * `total` in the fewest parts of at most `largest`, as equal as they can be: one run, or two whose sizes differ by 1,
 * larger first. 14 in tiles of 6 is 5 + 5 + 4, not 6 + 6 + 2: narrow tiles reuse each weight least.
 */
export function balancedSplit(total: number, largest: number): Run[] {
  if (total === 0) return [];
  const parts = Math.ceil(total / largest);
  const size = Math.floor(total / parts);
  const larger = total - size * parts;
  return [{ count: larger, size: size + 1 }, { count: parts - larger, size }].filter(({ count }) => count > 0);
}

/** How output positions are cut into tiles: runs of rows, and runs of columns within a row of tiles. */
export interface PixelTiles {
  readonly rows: readonly Run[];
  readonly columns: readonly Run[];
}

/** Tiles of at most `pixels` positions. Where two rows or more fit into a tile, tiles span rows. */
export function pixelTiles(outputRows: number, outputColumns: number, pixels: number): PixelTiles {
  const rowsPerTile = Math.max(1, Math.floor(pixels / outputColumns));
  return { rows: balancedSplit(outputRows, rowsPerTile), columns: balancedSplit(outputColumns, pixels) };
}
