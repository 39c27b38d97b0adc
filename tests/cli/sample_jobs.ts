import { inputError } from "../../lib/format/error.ts";
import type { Job } from "../../cli/jobs/job.ts";
import { jobPort, serveJobs } from "../../cli/serve_jobs.ts";

/** The factor times the task, in a Worker or not; odd behaviour for some tasks. */
export const multiply: Job<{ readonly factor: number }, number | string, number> = {
  name: "multiply",
  open({ factor }) {
    if (factor === 0) throw inputError("found the factor 0, expected another");
    return function* (task) {
      yield 0.5;
      if (task === "bad") throw inputError('found the task "bad", expected a number');
      if (task === "defect") throw new RangeError("a defect of the job");
      if (task === "die") Deno.exit(9);
      while (task === "for ever") yield 0.5;
      return factor * Number(task);
    };
  },
};

/** Which thread computes: a Worker has a port to the main one. */
export const whereabouts: Job<null, number, string> = {
  name: "whereabouts",
  open: () =>
    function* () {
      yield 0;
      return jobPort === null ? "main" : "worker";
    },
};

if (jobPort !== null) serveJobs(jobPort, [multiply, whereabouts]);
