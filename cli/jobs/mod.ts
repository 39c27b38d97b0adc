import { assistJob } from "./assist.ts";
import { evaluateJob } from "./evaluate.ts";
import type { AnyJob } from "./job.ts";
import { runJob } from "./run.ts";
import { sensitivityJob } from "./sensitivity.ts";
import { verifyJob } from "./verify.ts";

/** Every kind of work that Workers do. */
export const JOBS: readonly AnyJob[] = [sensitivityJob, evaluateJob, runJob, assistJob, verifyJob];
