import type { Command } from "../command.ts";
import { calibrate } from "./calibrate.ts";
import { completionsOf } from "./completions.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { merge } from "./merge.ts";
import { plan } from "./plan.ts";
import { profile } from "./profile.ts";
import { quantize } from "./quantize.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { sensitivity } from "./sensitivity.ts";
import { verify } from "./verify.ts";

/** What does the work, in the order of the pipeline. */
const PIPELINE: readonly Command[] = [
  calibrate,
  sensitivity,
  profile,
  plan,
  quantize,
  run,
  verify,
  merge,
  demo,
  doctor,
  schema,
];

/** Every sub-command: `--help` and completions derive from this list. */
export const COMMANDS: readonly Command[] = [...PIPELINE, completionsOf(PIPELINE)];
