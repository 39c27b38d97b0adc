import type { Command } from "../command.ts";
import { calibrate } from "./calibrate.ts";
import { plan } from "./plan.ts";
import { quantize } from "./quantize.ts";
import { schema } from "./schema.ts";
import { verify } from "./verify.ts";

/** Every sub-command, in the order of the pipeline: `--help` and completions derive from this list. */
export const COMMANDS: readonly Command[] = [calibrate, plan, quantize, verify, schema];
