/** How an image is computed: by several threads together, or by one alone. */
export type Way = "together" | "alone";

/** Images by which two ways are compared. */
const TRIAL = 4;
/** Images before ways are compared for the first time, and after they have been, at least and at most. */
const FIRST_PAUSE = 16;
const LONGEST_PAUSE = 1024;

/**
 * Decides for each image how it is computed: the way that takes less time here and now. A thread that shares its processor
 * with other programs keeps those that wait for it longer than its work takes, so several can be slower than one.
 *
 * Both ways are compared once at the beginning, then where threads have waited in vain for several images in a row, and,
 * while one works alone, now and then, ever more seldom.
 */
export class Pace {
  #way: Way = "together";
  #isFirst = true;
  #pause = FIRST_PAUSE;
  /** Images until ways may be compared. */
  #wait = FIRST_PAUSE;
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
    if (times.length > TRIAL) times.shift();
    if (this.#trial > 0) {
      if (--this.#trial === 0) this.#compare();
      return;
    }
    this.#vain = wasInVain ? this.#vain + 1 : 0;
    if (this.#wait > 0) this.#wait--;
    const isDue = this.#isFirst || this.#way === "alone" || this.#vain >= TRIAL;
    if (this.#wait === 0 && isDue) this.#trial = TRIAL;
  }

  #compare(): void {
    const isFaster = sum(this.#times[otherWay(this.#way)]) < sum(this.#times[this.#way]);
    if (isFaster) this.#way = otherWay(this.#way);
    this.#pause = isFaster || this.#isFirst ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, 2 * this.#pause);
    this.#wait = this.#pause;
    this.#isFirst = false;
    this.#vain = 0;
  }
}

function otherWay(way: Way): Way {
  return way === "together" ? "alone" : "together";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
