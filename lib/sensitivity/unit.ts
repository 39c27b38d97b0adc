import { inputError } from "../format/error.ts";
import { CHUNK_IMAGES } from "./chunk.ts";
import type { Measurement, Meter } from "./measurement.ts";
import { measurementNamed } from "./measurements/mod.ts";
import type { SensitivityRecord, Unit } from "./record.ts";
import type { Sample } from "./samples.ts";
import { outlineOf, type Study } from "./study.ts";

/** A unit of work with its samples. It can be sent to a Worker. */
export interface UnitTask {
  readonly unit: Unit;
  readonly samples: readonly Sample[];
}

/** Computes units of a study, yielding the fraction that is done; what a measurement needs is prepared for its first. */
export function unitComputer(study: Study): (task: UnitTask) => Generator<number, SensitivityRecord> {
  const meters = new Map<string, Meter>();
  return function* ({ unit, samples }) {
    const measurement = measurementNamed(unit.measurement);
    const meter = meters.get(measurement.name) ?? measurement.prepare(study);
    meters.set(measurement.name, meter);
    const sums = yield* meter.measure(samples, unit.round);
    checkSums(study, measurement, unit, sums);
    return { ...unit, images: samples.length, sums };
  };
}

function checkSums(study: Study, measurement: Measurement, { chunk }: Unit, sums: readonly number[]): void {
  const quantities = measurement.quantities(outlineOf(study));
  if (quantities.length !== sums.length) {
    throw new RangeError(`${measurement.name} made ${sums.length} sums of ${quantities.length} quantities`);
  }
  const bad = sums.findIndex((sum) => !Number.isFinite(sum));
  if (bad < 0) return;
  const { layer, name } = quantities[bad];
  throw inputError(
    `${layer === undefined ? "" : `layer "${layer}": `}${name}, summed over the images from number ` +
      `${chunk * CHUNK_IMAGES} of ${study.request.dataName} on, is ${sums[bad]}, expected a finite number; check the ` +
      `calibrated range of the layer's input`,
  );
}
