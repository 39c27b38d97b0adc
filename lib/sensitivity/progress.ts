import { chunkSizes } from "./chunk.ts";
import type { Stage } from "./collect.ts";
import type { Frame } from "./frame.ts";
import { measurementNamed } from "./measurements/mod.ts";
import { type Unit, unitName } from "./record.ts";

/**
 * Adds up how far a stage is, as a number of samples: units count by their work, and fractions of them may come from
 * several at a time. `onProgress` is told at once, and whenever the returned function is told of a unit.
 */
export function unitProgress(
  frame: Frame,
  { missing, finished }: Pick<Stage, "missing" | "finished">,
  onProgress: (done: number, total: number) => void = () => {},
): (unit: Unit, fraction: number) => void {
  const sizes = chunkSizes(frame.samples);
  const work = ({ measurement, chunk }: Unit): number =>
    sizes[chunk] * measurementNamed(measurement).workPerImage(frame);
  const works = new Map([...missing, ...finished].map((unit) => [unitName(unit), work(unit)]));
  const whole = [...works.values()].reduce((a, b) => a + b, 0);
  const fractions = new Map<string, number>(finished.map((unit) => [unitName(unit), 1]));
  let done = finished.reduce((sum, unit) => sum + works.get(unitName(unit))!, 0);
  const tell = (): void => onProgress(frame.samples * (whole === 0 ? 1 : Math.min(1, done / whole)), frame.samples);
  tell();
  return (unit, fraction) => {
    const name = unitName(unit);
    done += (fraction - (fractions.get(name) ?? 0)) * works.get(name)!;
    fractions.set(name, fraction);
    tell();
  };
}
