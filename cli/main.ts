import { COMMANDS } from "./commands/mod.ts";
import { runProgram } from "./program.ts";

if (import.meta.main) Deno.exit(await runProgram(COMMANDS, Deno.args));
