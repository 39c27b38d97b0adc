/**
 * What takes the place of `kernels/x64/cpu_features.ts` where tiles are emulated (by an import map): the features of this
 * processor, and tiles.
 */
import * as actual from "../../../kernels/x64/cpu_features.ts";

export { describeProcessor, requestTiles } from "../../../kernels/x64/cpu_features.ts";
export type { Cpuid, CpuidRegisters, Processor } from "../../../kernels/x64/cpu_features.ts";
export type CpuFeature = actual.CpuFeature;

const TILES = ["amx_tile", "amx_int8"] as const;

export function featuresHere(): readonly CpuFeature[] {
  return [...actual.featuresHere(), ...TILES];
}

export function thisProcessor(): actual.Processor {
  const { brand, features } = actual.thisProcessor();
  return { brand: `${brand} with emulated tiles`, features: [...features, ...TILES] };
}
