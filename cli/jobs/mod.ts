import type { Job } from "./job.ts";
import { sensitivityJob } from "./sensitivity.ts";

/** Every kind of work that Workers do. */
export const JOBS: readonly Job<never, never, unknown>[] = [sensitivityJob];
