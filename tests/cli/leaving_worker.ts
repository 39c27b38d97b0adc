import type { RunSetup } from "../../cli/jobs/run.ts";
import type { Job } from "../../cli/jobs/job.ts";
import { awaitSample } from "../../cli/sample_queue.ts";
import { jobPort, serveJobs } from "../../cli/serve_jobs.ts";

/** Serves in the place of `runJob`: takes a sample and ends its Worker. */
const leave: Job<RunSetup, null, null> = {
  name: "run",
  open: ({ queue }) =>
    function* () {
      yield 0;
      awaitSample(queue);
      Deno.exit(9);
    },
};

if (jobPort !== null) serveJobs(jobPort, [leave]);
