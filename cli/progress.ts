import { displayWidth } from "./report.ts";

/** Told how much of the work is done, or of the part of it that `label` names. */
export type OnProgress = (done: number, total: number, label?: string) => void;

const REDRAW_MS = 100;
const BAR_CELLS = 24;

/** A line that is drawn over itself: a bar, how much is done, and the time left. */
export class ProgressBar {
  #start: number;
  #label: string;
  #lastDraw = -Infinity;
  #isDrawn = false;

  constructor(
    label: string,
    private readonly write: (text: string) => void,
    private readonly columns: () => number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#start = this.now();
    this.#label = label;
  }

  /** A new label begins a new part of the work, with its own time. */
  update(done: number, total: number, label = this.#label): void {
    const time = this.now();
    if (label !== this.#label) {
      this.#label = label;
      this.#start = time;
    }
    if (time - this.#lastDraw < REDRAW_MS) return;
    this.#lastDraw = time;
    this.#isDrawn = true;
    this.write(`\r${fitted(progressLine(this.#label, done, total, time - this.#start), this.columns() - 1)}\x1b[K`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isDrawn) this.write("\r\x1b[K");
    this.#isDrawn = false;
    this.#lastDraw = -Infinity;
  }
}

/** `calibrating [######------] 120/512 23 %, 14 s left` */
export function progressLine(label: string, done: number, total: number, elapsedMs: number): string {
  const fraction = total > 0 ? Math.min(done / total, 1) : 0;
  const filled = Math.floor(fraction * BAR_CELLS);
  const bar = "#".repeat(filled) + "-".repeat(BAR_CELLS - filled);
  const left = fraction > 0 ? `, ${formatDuration(elapsedMs * (1 / fraction - 1))} left` : "";
  return `${label} [${bar}] ${done}/${total} ${Math.floor(100 * fraction)} %${left}`;
}

/** 14 s, 3 min 05 s, 2 h 10 min */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const pad = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

function fitted(line: string, columns: number): string {
  return displayWidth(line) <= columns ? line : Array.from(line).slice(0, Math.max(0, columns)).join("");
}
