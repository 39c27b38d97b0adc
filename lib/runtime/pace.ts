/** How an image is computed: by several threads together, or by one alone. */
export type Way = "together" | "alone";

/** Images by which two ways are compared; fewer where that one takes longer than so many the other way. */
const TRIAL = 4;
/** Images after a comparison before the next one, at least and at most. */
const FIRST_PAUSE = 16;
const LONGEST_PAUSE = 256;

/**
 * Decides for each image how it is computed: the way that takes less time here and now. A thread that shares its processor
 * with other programs keeps those that wait for it longer than its work takes, so several can be slower than one.
 *
 * Both ways are compared at the beginning, then after a while where threads have waited in vain for several images in a
 * row, or while one works alone, ever later as long as the same way wins clearly, and otherwise seldom.
 */
export class Pace {
  #way: Way = "together";
  /** Images since ways were last compared. */
  #since = 0;
  /** Images after which they are compared, if there is cause. */
  #pause = TRIAL;
  /** Images that the other way still has in a comparison; 0 outside of one. */
  #trial = 0;
  /** Images in a row for which threads have waited in vain. */
  #vain = 0;
  readonly #times: Readonly<Record<Way, number[]>> = { together: [], alone: [] };

  /** The way for the next image. */
  next(): Way {
    return this.#trial > 0 ? otherWay(this.#way) : this.#way;
  }

  /** Takes note of an image that was computed in the way that `next` said. */
  record(milliseconds: number, wasInVain: boolean): void {
    const times = this.#times[this.next()];
    times.push(milliseconds);
    if (this.#trial > 0) return this.#goOnWithTrial();
    if (times.length > TRIAL) times.shift();
    this.#vain = wasInVain ? this.#vain + 1 : 0;
    const hasCause = this.#pause === TRIAL || this.#way === "alone" || this.#vain >= TRIAL;
    if (++this.#since < (hasCause ? this.#pause : LONGEST_PAUSE)) return;
    this.#trial = TRIAL;
    this.#times[this.next()].length = 0;
  }

  #goOnWithTrial(): void {
    const isFaster = sum(this.#times[this.next()]) < sum(this.#times[this.#way]);
    if (--this.#trial > 0 && isFaster) return;
    this.#trial = 0;
    const isClose = this.#way === "alone" && this.#times.together.length > TRIAL / 2;
    const isShort = isFaster || isClose;
    this.#pause = isShort ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, 2 * this.#pause));
    if (isFaster) this.#way = otherWay(this.#way);
    this.#since = 0;
    this.#vain = 0;
  }
}

function otherWay(way: Way): Way {
  return way === "together" ? "alone" : "together";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
