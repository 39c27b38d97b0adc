import { type CodingOptions, DEFAULT_CODING, type WeightStorage } from "../arith/integer_weights.ts";
import { type Calibration, type WeightChoice, weightMethodOf } from "./calibration.ts";
import type { WeightFormat } from "./plan.ts";

/** What of the options of quantizing decides the integers of weights. */
export interface WeightOptions {
  /** How weight scales are chosen. Default auto: as the calibration found best at each width. */
  readonly weightMethod?: WeightChoice;
  /** One weight scale per output channel (default) or one per layer; codes have one per channel. */
  readonly perChannel?: boolean;
  /** How codes are found, where weights have some. */
  readonly coding?: CodingOptions;
}

/** How the weights of a layer that has this format become integers. */
export function weightStorage(
  { weightBits: bits, weightFormat }: Readonly<WeightFormat>,
  calibration: Pick<Calibration, "choices">,
  { weightMethod = "auto", perChannel = true, coding = DEFAULT_CODING }: WeightOptions,
): WeightStorage {
  if (weightFormat === "codes") return { bits, coding };
  return { bits, perChannel, method: weightMethodOf(calibration, bits, weightMethod) };
}
