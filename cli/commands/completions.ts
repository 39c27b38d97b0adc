import type { Command } from "../command.ts";
import { COMPLETED_SHELLS, completionScript } from "../completions.ts";
import { artefactTarget } from "../files.ts";
import { oneOf, positional } from "../flag.ts";
import { OUTPUT_FLAG } from "../flags.ts";
import { defineCommand } from "../command.ts";

/** The command that writes completions for `commands` and for itself. */
export function completionsOf(commands: readonly Command[]): Command {
  const completions = defineCommand({
    name: "completions",
    summary: "Print the completion script of a shell",
    details: "bash: put it where bash-completion looks, or source it in ~/.bashrc.\n" +
      "zsh: save it as _dyad in a folder of $fpath.\nfish: save it as ~/.config/fish/completions/dyad.fish.",
    positionals: { shell: positional(COMPLETED_SHELLS.join(", "), oneOf(COMPLETED_SHELLS)) },
    flags: OUTPUT_FLAG,
    examples: ["dyad completions bash > ~/.local/share/bash-completion/completions/dyad"],
    async run({ args, flags, terminal }) {
      const target = artefactTarget(flags, { ...terminal, json: false });
      await target.write(completionScript(args.shell, [...commands, completions]));
      return undefined;
    },
  });
  return completions;
}
