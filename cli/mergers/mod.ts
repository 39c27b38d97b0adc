import { calibrationMerger } from "./calibration.ts";
import { latencyMerger } from "./latency.ts";
import type { Merger } from "./merger.ts";
import { sensitivityMerger } from "./sensitivity.ts";

/** Every artefact that can be made in parts. */
export const MERGERS: readonly Merger[] = [calibrationMerger, sensitivityMerger, latencyMerger];
