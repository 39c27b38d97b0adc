import type { TileRegister } from "../operands.ts";

/** What LDTILECFG reads (SDM volume 2, LDTILECFG, table "Memory Area Layout"). */
export const CONFIGURATION_BYTES = 64;
const PALETTE = 0;
const ROW_BYTES = 16;
const ROWS = 48;

/** The extents of a tile register. */
export interface ConfiguredTile {
  readonly register: TileRegister;
  readonly rows: number;
  readonly rowBytes: number;
}

/** Writes a configuration of palette 1; registers that are not named cannot be used. */
export function writeConfiguration(view: DataView, position: number, tiles: readonly ConfiguredTile[]): void {
  view.setUint8(position + PALETTE, 1);
  for (const { register: { number }, rows, rowBytes } of tiles) {
    view.setUint16(position + ROW_BYTES + 2 * number, rowBytes, true);
    view.setUint8(position + ROWS + number, rows);
  }
}
