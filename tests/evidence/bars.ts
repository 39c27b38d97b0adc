import { ProgressBar } from "../../cli/progress.ts";
import { type Cell, renderBlocks, styleFor, type Table } from "../../cli/report.ts";
import { terminalColumns } from "../../cli/terminal.ts";

/** "held" or "MISSED" as a cell. */
export function barCell(isHeld: boolean): Cell {
  return isHeld ? { text: "held", paint: "green" } : { text: "MISSED", paint: "red" };
}

/** Prints a table on standard output. */
export function printTable(title: string, table: Table): void {
  const style = styleFor(Deno.stdout.isTerminal() && !Deno.noColor);
  console.log(`${title}\n\n${renderBlocks([table], style)}\n`);
}

/** Prints how many bars were held; exits 1 when one was missed. */
export function conclude(held: readonly boolean[]): void {
  const missed = held.filter((isHeld) => !isHeld).length;
  console.log(`${held.length - missed} bars held, ${missed} missed`);
  if (missed > 0) Deno.exitCode = 1;
}

/** Runs `work` under a progress bar where standard error is a terminal, else under a line when it begins. */
export async function withProgress<T>(
  label: string,
  work: (onProgress: (done: number, total: number) => void) => T | Promise<T>,
): Promise<T> {
  const write = (text: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
  if (!Deno.stderr.isTerminal()) {
    write(`${label}\n`);
    return await work(() => {});
  }
  const bar = new ProgressBar(label, write, terminalColumns);
  try {
    return await work((done, total) => bar.update(done, total));
  } finally {
    bar.clear();
  }
}
