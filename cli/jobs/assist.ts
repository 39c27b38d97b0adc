import { joinSplitRun, type ThreadPart } from "../../lib/runtime/split_run.ts";
import type { Job } from "./job.ts";

/** Computes its part of every image until the runs end. */
export const assistJob: Job<ThreadPart, null, null> = {
  name: "assist",
  open(part) {
    const assist = joinSplitRun(part);
    return function* () {
      yield 0; // of how many images is not known
      assist();
      return null;
    };
  },
};
