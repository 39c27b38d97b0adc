import type { Job } from "../../cli/jobs/job.ts";
import { jobPort, serveJobs } from "../../cli/serve_jobs.ts";
import { endBarrier } from "../../lib/runtime/barrier.ts";
import type { ThreadPart } from "../../lib/runtime/split_run.ts";

/** Serves in the place of `assistJob`: does nothing (thread 1), or fails as soon as it has come up (others). */
const fail: Job<ThreadPart, null, null> = {
  name: "assist",
  open: ({ thread, barrier }) =>
    function* () {
      yield 0;
      if (thread === 1) return null;
      endBarrier(barrier, "failed");
      throw new RangeError("out of bounds");
    },
};

if (jobPort !== null) serveJobs(jobPort, [fail]);
