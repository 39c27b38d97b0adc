import { Command as CommanderCommand, CommanderError, Option } from "commander";
import { DYAD_VERSION } from "../lib/format/artefact.ts";
import { DyadError, EXIT_CODES, usageError, within } from "../lib/format/error.ts";
import type { Command, Flags, Positionals } from "./command.ts";
import { EXIT_DONE, reportError } from "./exit.ts";
import { type Flag, longName } from "./flag.ts";
import { refuseOverwriting } from "./overwriting.ts";
import { type Report, wrapWords } from "./report.ts";
import { openTerminal, type Terminal, terminalColumns, writeStderr, writeStdout } from "./terminal.ts";

/** Flags that every command takes, before or after its name. */
export const GLOBAL_FLAGS = [
  { syntax: "--json", description: "print the report as JSON on standard output" },
  { syntax: "--quiet", description: "print nothing on standard error but errors" },
  { syntax: "--no-color", description: "leave text without colour, as NO_COLOR does" },
] as const;

const EXIT_STATUS_HELP = `
Exit status: 0 done, 1 internal error, 2 usage, 3 bad or mismatched input, 4 no plan fits the limits,
5 verification failed.`;

/**
 * Runs a command line.
 * @returns the exit code; whatever went wrong has been said on standard error.
 */
export async function runProgram(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  const program = prepare(new CommanderCommand("dyad"))
    .description("Turns a float ONNX network into an integer-only network of mixed bit widths, and proves what it did.")
    .usage("COMMAND [OPTIONS]")
    .version(DYAD_VERSION, "--version", "print the version")
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", EXIT_STATUS_HELP);
  for (const { syntax, description } of GLOBAL_FLAGS) program.option(syntax, description);
  const terminalNow = (): Terminal => {
    const { json = false, quiet = false, color = true } = program.opts();
    return openTerminal({ json, quiet, colour: color });
  };
  let outcome = EXIT_DONE;
  for (const command of commands) {
    const child = prepare(program.command(command.name));
    declare(child, command, async (texts) => {
      const terminal = terminalNow();
      const report = await command.run({ ...readTexts(command, texts), terminal });
      if (report === undefined) return;
      terminal.report(report);
      if (report.failure !== undefined) outcome = reportError(report.failure, terminal);
    });
  }
  try {
    await program.parseAsync(argv, { from: "user" });
    return outcome;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_CODES.usage;
    return reportError(error, terminalNow());
  }
}

/**
 * Runs one command with the arguments that would follow its name, for commands made of commands.
 * @throws what the command throws; (usage) for arguments that it does not take.
 */
export async function invoke<J>(
  command: Command<Positionals, Flags, J>,
  argv: readonly string[],
  terminal: Terminal,
): Promise<Report<J> | undefined> {
  let report: Report<J> | undefined;
  const standalone = prepare(new CommanderCommand(command.name)).configureOutput({ writeErr: () => {} });
  declare(standalone, command, async (texts) => {
    report = await command.run({ ...readTexts(command, texts), terminal });
  });
  try {
    await standalone.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw usageError(`${command.name}: ${error.message}`, { cause: error });
    throw error;
  }
  return report;
}

function prepare(command: CommanderCommand): CommanderCommand {
  return command
    .exitOverride()
    .helpOption("-h, --help", "show this help")
    .configureHelp({ showGlobalOptions: true, boxWrap: wrapHelp })
    .configureOutput({
      writeOut: writeStdout,
      writeErr: writeStderr,
      getOutHelpWidth: terminalColumns,
      getErrHelpWidth: terminalColumns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(`dyad: ${text}`),
    });
}

/** Fewer columns are not worth breaking lines for. */
const LEAST_HELP_WIDTH = 40;

/** Breaks lines at spaces; what an item of a list goes on with stands deeper than its beginning. */
function wrapHelp(text: string, width: number): string {
  if (width < LEAST_HELP_WIDTH) return text;
  return text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line)![0];
    const hanging = indent === "" ? "" : `${indent}  `;
    return wrapWords(line.slice(indent.length), width - hanging.length).map((part, i) =>
      (i === 0 ? indent : hanging) + part
    );
  }).join("\n");
}

/** What the command line holds, before it is read: every text of each positional, in order, and of every flag. */
interface Texts {
  readonly positionals: readonly (readonly string[])[];
  readonly flags: Readonly<Record<string, readonly string[]>>;
}

function declare(target: CommanderCommand, command: Command, action: (texts: Texts) => Promise<void>): void {
  target.summary(command.summary);
  target.description([`${command.summary}.`, ...command.details ? [command.details] : []].join("\n\n"));
  for (const [name, { description, count }] of Object.entries(command.positionals)) {
    target.argument({ one: `<${name}>`, optional: `[${name}]`, many: `<${name}...>` }[count], description);
  }
  const options = Object.entries(command.flags).map(([key, flag]) => {
    const option = optionOf(flag);
    target.addOption(option);
    return { key, attribute: option.attributeName() };
  });
  const [one, ...others] = command.examples;
  const title = others.length > 0 ? "Examples" : "Example";
  target.addHelpText("after", `\n${title}:\n${[one, ...others].map((line) => `  ${line}`).join("\n")}`);
  target.action(async () => {
    const values = target.opts();
    const flags = options.map(({ key, attribute }) => [key, values[attribute] ?? []] as const);
    const positionals = target.processedArgs.map((given: string | readonly string[] | undefined) =>
      [given ?? []].flat()
    );
    await action({ positionals, flags: Object.fromEntries(flags) });
  });
}

function optionOf(flag: Flag<unknown>): Option {
  const choices = flag.value?.choices;
  const listed = choices === undefined || choices.every((choice) => flag.description.includes(choice))
    ? ""
    : `: ${choices.join(", ")}`;
  const fallback = / \((?:default|required|repeatable).*\)$/.exec(flag.description)?.[0] ?? "";
  const description = flag.description.slice(0, flag.description.length - fallback.length) + listed + fallback;
  return new Option(flag.syntax, description)
    .argParser((text: string | undefined, given: readonly string[] | undefined) => [...given ?? [], text ?? ""]);
}

function readTexts(command: Command, { positionals, flags }: Texts) {
  const args = Object.entries(command.positionals).map(([name, argument], i) =>
    [name, naming(`argument ${name}`, command, () => argument.read(positionals[i]))] as const
  );
  const values = Object.entries(command.flags).map(([key, flag]) =>
    [key, naming(longName(flag), command, () => flag.read(flags[key]))] as const
  );
  refuseOverwriting([
    ...args.map(([name, value]) => ({ by: `argument ${name}`, of: command.positionals[name].value, value })),
    ...values.map(([key, value]) => ({ by: longName(command.flags[key]), of: command.flags[key].value, value })),
  ]);
  return { args: Object.fromEntries(args), flags: Object.fromEntries(values) };
}

/** A usage error of `read` names the flag or argument, and where to look. */
function naming<T>(what: string, command: Command, read: () => T): T {
  try {
    return within(what, read);
  } catch (error) {
    if (!(error instanceof DyadError) || error.kind !== "usage") throw error;
    throw usageError(`${error.message}; see dyad ${command.name} --help`, { cause: error });
  }
}
