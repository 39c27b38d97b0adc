import { entropy } from "./entropy.ts";
import { minMax } from "./min_max.ts";
import { movingAverage } from "./moving_average.ts";
import { mse } from "./mse.ts";
import type { Observer } from "../observer.ts";
import { percentile } from "./percentile.ts";

/** Every calibration method: flags, help, the methods in artefacts and what `auto` compares derive from this list. */
export const OBSERVERS: readonly Observer[] = [minMax, movingAverage, percentile, entropy, mse];
