import type { Command } from "../command.ts";
import { calibrate } from "./calibrate.ts";

/** Every sub-command, in the order of the pipeline: `--help` and completions derive from this list. */
export const COMMANDS: readonly Command[] = [calibrate];
