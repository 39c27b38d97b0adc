import type { Dataset } from "../lib/format/dataset.ts";
import { DyadError } from "../lib/format/error.ts";
import { type Collected, type Collection, collectRecords, type Stage } from "../lib/sensitivity/collect.ts";
import type { Frame } from "../lib/sensitivity/frame.ts";
import { unitProgress } from "../lib/sensitivity/progress.ts";
import type { SensitivityRecord } from "../lib/sensitivity/record.ts";
import { samplesOfChunk } from "../lib/sensitivity/samples.ts";
import type { Study } from "../lib/sensitivity/study.ts";
import { unitComputer } from "../lib/sensitivity/unit.ts";
import { Interruption } from "./interruption.ts";
import { sensitivityJob } from "./jobs/sensitivity.ts";
import type { JournalFile } from "./journal_file.ts";
import type { OnProgress } from "./progress.ts";
import { JobPool } from "./workers.ts";

/** What is measured of a study. */
export interface Measured extends Pick<Collection, "rule" | "share"> {
  readonly frame: Frame;
  readonly dataset: Dataset;
  /** The samples that are measured. */
  readonly indices: readonly number[];
}

/** How it is measured; the result is the same. */
export interface MeasureOptions {
  readonly threads: number;
  /** Takes every record as it comes, and gives those of an earlier run. */
  readonly journal: JournalFile | undefined;
  readonly onProgress: OnProgress;
  note(text: string): void;
}

/**
 * Measures sensitivity on so many threads.
 * @throws Interrupted when a signal arrives; DyadError as computing does: nothing is left to go on from then.
 */
export async function measureOnThreads(
  study: Study,
  { frame, dataset, indices, rule, share }: Measured,
  { threads, journal, onProgress, note }: MeasureOptions,
): Promise<Collected> {
  const interruption = new Interruption();
  const job = { ...sensitivityJob, open: () => unitComputer(study) }; // this thread has its study already
  const pool = new JobPool(job, study.request, { threads, interruption, note });

  async function measure(stage: Stage): Promise<SensitivityRecord[]> {
    const { missing } = stage;
    const progress = unitProgress(frame, stage, shareOfThisRun(stage, onProgress));
    const records: SensitivityRecord[] = [];
    await pool.run(
      missing.length,
      (index) => ({ unit: missing[index], samples: samplesOfChunk(dataset, indices, missing[index].chunk) }),
      {
        onPart: (index, fraction) => progress(missing[index], fraction),
        onResult(record, index) {
          journal?.append(record);
          records.push(record);
          progress(missing[index], 1);
        },
      },
    );
    return records;
  }

  try {
    const finished = journal?.records ?? [];
    if (finished.length > 0) note(`going on from ${journal?.path}, where ${countOf(finished.length)} done`);
    return await collectRecords(frame, { finished, rule, share, measure });
  } catch (error) {
    if (error instanceof DyadError) journal?.remove(); // the same data would fail again: there is nothing to go on from
    throw error;
  } finally {
    interruption.dispose();
    await pool.close();
  }
}

function countOf(units: number): string {
  return units === 1 ? "1 unit of work is" : `${units} units of work are`;
}

/** Progress without what an earlier run has done, so that the time left is right. */
function shareOfThisRun({ rounds: [first, end] }: Stage, onProgress: OnProgress) {
  const label = first === 0 ? undefined : `measuring, rounds ${first + 1} to ${end}`;
  let saved: number | undefined;
  return (done: number, total: number): void => {
    saved ??= done;
    onProgress(Number((done - saved).toFixed(1)), Number((total - saved).toFixed(1)), label);
  };
}
