import type { KernelFunction, Pointer } from "../kernel_function.ts";
import { memory, rax, type VectorRegister, zmm } from "../operands.ts";
import { emitCodedSums, emitColumnMask } from "../codes/coded_sums.ts";
import {
  BIAS,
  CODE_CONSTANTS,
  COLUMNS,
  columnTiles,
  PARAMETER_BYTES,
  TILE_BYTES,
  type WeightForm,
} from "./recurrent_layout.ts";

/** Registers of accumulators. Those of a gate take columns in turn: one alone would wait for itself. */
const ACCUMULATORS = 8;
/** Tiles of each gate in one round of the loop, at least. */
const UNROLL = 4;

export const TEMPORARIES: readonly VectorRegister[] = [16, 17, 18, 19, 20].map(zmm);
/** Registers beside those of sums and temporaries. */
export const KEPT: readonly VectorRegister[] = [24, 25, 26, 27].map(zmm);

/** What emits sums of a recurrence: how its weights are read, and where in scratch gates wait for each other. */
export interface RecurrentSums extends WeightForm {
  readonly waiting: number;
}

/** Bytes of scratch where gates wait for each other. */
export const WAITING_BYTES = 4 * 64;

/** Prepares `emitRecurrentSums`. */
export function emitSumMasks(f: KernelFunction, { bits, hidden }: RecurrentSums): void {
  if (bits !== undefined) emitColumnMask(f, hidden);
}

/**
 * Sums R h + bias of `gates` gates of the next block of units, sixteen of each in the registers that are given back. Moves
 * `weights` to the parameters of the block. `columns` points to h of the image and stays.
 */
export function emitRecurrentSums(
  f: KernelFunction,
  sums: RecurrentSums,
  gates: number,
  weights: Pointer,
  columns: Pointer,
): VectorRegister[] {
  if (sums.bits !== undefined) return emitSumsOfCodes(f, sums, sums.bits, gates, weights, columns);
  const { code } = f;
  const chains = Math.floor(ACCUMULATORS / gates);
  const accumulator = (gate: number, chain: number): VectorRegister => zmm(gate + gates * chain);
  for (let i = 0; i < gates * chains; i++) code.emit("vpxord", zmm(i), zmm(i), zmm(i));
  const from = rax;
  f.set(from, columns);
  const tiles = (count: number): void => {
    for (let tile = 0; tile < count; tile++) {
      const four = TEMPORARIES[tile % TEMPORARIES.length];
      code.emit("vpbroadcastd", four, memory(from, COLUMNS * tile));
      for (let gate = 0; gate < gates; gate++) {
        code.emit(
          "vpdpbusd",
          accumulator(gate, tile % chains),
          four,
          memory(weights, (tile * gates + gate) * TILE_BYTES),
        );
      }
    }
    f.advance(from, COLUMNS * count).advance(weights, gates * TILE_BYTES * count);
  };
  const total = columnTiles(sums.hidden);
  const unroll = Math.max(UNROLL, chains);
  f.repeat(Math.floor(total / unroll), () => tiles(unroll));
  tiles(total % unroll);
  return Array.from({ length: gates }, (_, gate) => {
    const sums = accumulator(gate, 0);
    code.emit("vpaddd", sums, sums, memory(weights, gate * PARAMETER_BYTES + BIAS));
    for (let chain = 1; chain < chains; chain++) code.emit("vpaddd", sums, sums, accumulator(gate, chain));
    return sums;
  });
}

/** The same by codes: a gate's sums need all registers, so they wait in scratch. */
function emitSumsOfCodes(
  f: KernelFunction,
  { hidden, waiting }: RecurrentSums,
  bits: number,
  gates: number,
  weights: Pointer,
  columns: Pointer,
): VectorRegister[] {
  for (let gate = 0; gate < gates; gate++) {
    const sums = emitCodedSums(f, { bits, columns: hidden }, CODE_CONSTANTS, weights, columns);
    f.code.emit("vmovdqu32", memory(f.scratch, waiting + 64 * gate), sums);
  }
  return Array.from({ length: gates }, (_, gate) => {
    const sums = zmm(gate);
    f.code.emit("vmovdqu32", sums, memory(f.scratch, waiting + 64 * gate));
    f.code.emit("vpaddd", sums, sums, memory(weights, gate * PARAMETER_BYTES + BIAS));
    return sums;
  });
}
