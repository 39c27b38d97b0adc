import { fileError } from "./file_error.ts";
import { type OnProgress, ProgressBar } from "./progress.ts";
import { type Block, renderBlocks, type Report, type Style, styleFor } from "./report.ts";

/** Where a command speaks to people: standard error, and standard output for `--json`. */
export interface Terminal {
  /** Whether the report goes to standard output as JSON, which no artefact may then use. */
  readonly json: boolean;
  readonly style: Style;
  /** Something worth knowing; left out with --quiet. */
  note(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** What has come so far of a command of several steps; only the report is left of it with --json. */
  show(blocks: readonly Block[]): void;
  report(report: Report): void;
  /** Runs `work` under a progress bar, which only a terminal shows. */
  withProgress<T>(label: string, work: (onProgress: OnProgress) => T | Promise<T>): Promise<T>;
}

export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** False for --no-color; NO_COLOR and non-terminals are seen to here. */
  readonly colour: boolean;
}

const DEFAULT_COLUMNS = 100;

export function openTerminal({ json, quiet, colour }: TerminalOptions): Terminal {
  const isTerminal = Deno.stderr.isTerminal();
  const style = styleFor(colour && isTerminal && !Deno.noColor);
  const line = (text: string): void => writeStderr(text + "\n");
  const show = (blocks: readonly Block[]): void => {
    if (json || quiet || blocks.length === 0) return;
    line(renderBlocks(blocks, style, isTerminal ? terminalColumns() : undefined));
  };
  return {
    json,
    style,
    note(text) {
      if (!quiet) line(`dyad: ${text}`);
    },
    warn(text) {
      if (!quiet) line(`dyad: ${style("yellow", "warning:")} ${text}`);
    },
    error(text) {
      line(`dyad: ${style("red", "error:")} ${text}`);
    },
    show,
    report(report) {
      if (json) writeStdout(JSON.stringify(report.json, null, 2) + "\n");
      else show(report.blocks);
    },
    async withProgress(label, work) {
      if (!isTerminal || quiet) return await work(() => {});
      const bar = new ProgressBar(label, writeStderr, terminalColumns);
      try {
        return await work((done, total, part) => bar.update(done, total, part));
      } finally {
        bar.clear();
      }
    },
  };
}

/** Columns of the terminal that text goes to; a fixed number where it goes elsewhere. */
export function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || DEFAULT_COLUMNS; // 0 where the terminal does not know
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** Writes all of it. @throws DyadError (input) when it cannot be; a closed pipe is a `Deno.errors.BrokenPipe`. */
export function writeStdout(content: string | Uint8Array): void {
  try {
    writeAll(Deno.stdout, content);
  } catch (error) {
    throw fileError("(standard output)", "write", error);
  }
}

/** Where nobody is reading, or nothing can be written, there is nobody to tell. */
export function writeStderr(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch {
    // What matters is on standard output and in files, and in the exit code.
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, content: string | Uint8Array): void {
  let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
