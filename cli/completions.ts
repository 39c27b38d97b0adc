import type { Command } from "./command.ts";
import { type Flag, longName, type ValueType } from "./flag.ts";
import { GLOBAL_FLAGS } from "./program.ts";

/** What completes flags and arguments of every command; each shell's words for it are below. */
const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export const COMPLETED_SHELLS = Object.keys(SHELLS) as (keyof typeof SHELLS)[];

/** The script that teaches a shell the commands. */
export function completionScript(shell: keyof typeof SHELLS, commands: readonly Command[]): string {
  return SHELLS[shell](commands);
}

type NamedFlag = Pick<Flag<unknown>, "syntax" | "description" | "value">;

const HELP_FLAG: NamedFlag = { syntax: "-h, --help", description: "show this help" };

function flagsOf({ flags }: Command): NamedFlag[] {
  return [...Object.values(flags), ...GLOBAL_FLAGS, HELP_FLAG];
}

function shortName({ syntax }: NamedFlag): string | undefined {
  return /^-[a-z]\b/.exec(syntax)?.[0];
}

function namesOf(flag: NamedFlag): string[] {
  const short = shortName(flag);
  return short === undefined ? [longName(flag)] : [short, longName(flag)];
}

/** The first argument that has few values, which is completed; all others are files. */
function choicesOf({ positionals }: Command): readonly string[] {
  return Object.values(positionals).find(({ value }) => value.choices !== undefined)?.value.choices ?? [];
}

/** Single quotes of a POSIX shell and of zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bashScript(commands: readonly Command[]): string {
  const values = (command: Command): string[] =>
    flagsOf(command).filter(({ value }) => value !== undefined).map((flag) => {
      const words = flag.value?.choices?.join(" ");
      const reply = words === undefined ? "return" : `COMPREPLY=($(compgen -W ${quoted(words)} -- "$cur")); return`;
      return `        ${namesOf(flag).join("|")}) ${reply} ;;`;
    });
  const cases = commands.map((command) =>
    [
      `    ${command.name})`,
      `      case "$prev" in`,
      ...values(command),
      `      esac`,
      `      flags=${quoted(flagsOf(command).flatMap(namesOf).join(" "))}`,
      `      words=${quoted(choicesOf(command).join(" "))}`,
      `      ;;`,
    ].join("\n")
  );
  const globals = [...GLOBAL_FLAGS.flatMap(namesOf), ...namesOf(HELP_FLAG), "--version"].join(" ");
  return `# bash completion of dyad
_dyad() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" command="" word flags words
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ "$word" != -* ]]; then command="$word"; break; fi
  done
  case "$command" in
${cases.join("\n")}
    *)
      flags=${quoted(globals)}
      words=${quoted([...commands.map(({ name }) => name), "help"].join(" "))}
      ;;
  esac
  if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else COMPREPLY=($(compgen -W "$words" -- "$cur")); fi
}
complete -o default -F _dyad dyad
`;
}

function zshScript(commands: readonly Command[]): string {
  const action = (value: ValueType<unknown>): string =>
    value.choices !== undefined ? `(${value.choices.join(" ")})` : value.isFile ? "_files" : " ";
  const text = (description: string): string => description.replace(/[\\[\]:]/g, "\\$&");
  const option = (flag: NamedFlag): string => {
    const names = namesOf(flag);
    const rest = `[${text(flag.description)}]${flag.value === undefined ? "" : `:value:${action(flag.value)}`}`;
    if (names.length === 1) return quoted(names[0] + rest);
    return `${quoted(`(${names.join(" ")})`)}{${names.join(",")}}${quoted(rest)}`;
  };
  const cases = commands.map((command) =>
    [
      `    (${command.name}) _arguments -s \\`,
      ...flagsOf(command).map((flag) => `      ${option(flag)} \\`),
      ...Object.entries(command.positionals).map(([name, { value, count }]) =>
        `      ${quoted(`${count === "many" ? "*" : ""}:${name}:${action(value)}`)} \\`
      ),
      `      && return ;;`,
    ].join("\n")
  );
  return `#compdef dyad
# zsh completion of dyad
_dyad() {
  local context state line
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${text(summary)}`)}`).join("\n")}
  )
  _arguments -C ${GLOBAL_FLAGS.map(option).join(" ")} '1:command:->command' '*::argument:->argument' && return
  if [[ $state == command ]]; then _describe -t commands command commands; return; fi
  case $words[1] in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _dyad ]]; then _dyad "$@"; else compdef _dyad dyad; fi
`;
}

function fishScript(commands: readonly Command[]): string {
  const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const option = (condition: string, flag: NamedFlag): string => {
    const short = shortName(flag);
    const { value } = flag;
    return [
      `complete -c dyad ${condition}`,
      ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
      `-l ${longName(flag).slice(2)}`,
      ...(value === undefined
        ? []
        : value.choices !== undefined
        ? [`-x -a ${fishQuoted(value.choices.join(" "))}`]
        : value.isFile
        ? ["-r -F"]
        : ["-x"]),
      `-d ${fishQuoted(flag.description)}`,
    ].join(" ");
  };
  const first = "-n __fish_use_subcommand";
  const lines = commands.flatMap((command) => {
    const condition = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const choices = choicesOf(command);
    return [
      `complete -c dyad ${first} -f -a ${command.name} -d ${fishQuoted(command.summary)}`,
      ...(choices.length === 0 ? [] : [`complete -c dyad ${condition} -f -a ${fishQuoted(choices.join(" "))}`]),
      ...Object.values(command.flags).map((flag) => option(condition, flag)),
    ];
  });
  const globals = [...GLOBAL_FLAGS, HELP_FLAG].map((flag) => option("", flag).replace("dyad  ", "dyad "));
  return ["# fish completion of dyad", ...globals, ...lines, ""].join("\n");
}
