import { COMMANDS } from "./commands/mod.ts";
import { JOBS } from "./jobs/mod.ts";
import { runProgram } from "./program.ts";
import { jobPort, serveJobs } from "./serve_jobs.ts";

if (jobPort !== null) serveJobs(jobPort, JOBS);
else if (import.meta.main) Deno.exit(await runProgram(COMMANDS, Deno.args));
