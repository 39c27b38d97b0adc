import type { Local } from "../wasm/function_builder.ts";
import type { Address } from "./store_lanes.ts";

/** One tile of a convolution at the end of its sums. */
export interface AccumulatorTile {
  /** `accumulators[v][p]` holds channels 4v .. 4v + 3 of pixel p. */
  readonly accumulators: readonly (readonly Local[])[];
  /** Channels of the tile that exist: the last vector may have fewer than 4. */
  readonly channels: number;
  /** Where the parameters of the tile's channels begin. */
  readonly parameters: Address;
  readonly output: Local;
  /** Byte offset of each pixel from `output`. */
  readonly outputOffsets: readonly number[];
}
