import { displayWidth } from "../report.ts";

/** A word, or words that stay on one line, such as a flag and its value. */
export type Words = string | readonly string[];

const INDENT = "    ";
const CONTINUED = " \\";

/** A command line as a user would type it, broken where it is wider than `width` so that it can still be pasted. */
export function shellLine(command: readonly Words[], width = Infinity): string {
  const lines: string[] = [];
  let line = "";
  for (const group of command.map((words) => [words].flat().map(quoted).join(" "))) {
    const longer = line === "" ? group : `${line} ${group}`;
    if (line !== "" && displayWidth(longer + CONTINUED) > width) {
      lines.push(line + CONTINUED);
      line = INDENT + group;
    } else line = longer;
  }
  return [...lines, line].join("\n");
}

/** The word as POSIX shells read it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
