import type { AccumulatorTile } from "../requantize/accumulator_tile.ts";
import type { FunctionBuilder } from "../wasm/function_builder.ts";

/** Where the accumulators of a convolution start, and how they become its output. */
export interface Epilogue {
  readonly outputBytes: number;
  /** Bytes in `constants` of the parameters of 4 channels. */
  readonly parameterBytes: number;
  writeBias(view: DataView, position: number, channel: number): void;
  /** Parameters of `lanes` (1 to 4) channels from `channel`. */
  writeParameters(view: DataView, position: number, channel: number, lanes: number): void;
  /** Stores the tile; the accumulators are used up. */
  emit(f: FunctionBuilder, tile: AccumulatorTile): void;
}
