import { usageError } from "../../lib/format/error.ts";
import { artefactTarget, STREAM } from "../files.ts";
import type { PlanRequest } from "./mode.ts";

/** Where a chart goes, checked before the work. */
export interface Plot {
  readonly name: string;
  /** Loads the charts, which no other use of the program needs, and writes the one that `draw` makes. */
  write(draw: (charts: typeof import("./charts.ts")) => Promise<string>): Promise<void>;
}

/** @throws DyadError (usage, input) for a `--plot` that cannot be written. */
export function openPlot({ flags: { plot, output }, terminal }: PlanRequest): Plot | undefined {
  if (plot === undefined) return undefined;
  if (plot === STREAM) throw usageError("--plot needs a file, for standard output is for the artefact");
  if (plot === output) throw usageError(`the artefact and the plot would both go to ${plot}; give --plot another file`);
  const target = artefactTarget({ output: plot }, terminal);
  return {
    name: target.name,
    async write(draw) {
      await target.write(await draw(await import("./charts.ts")));
    },
  };
}
