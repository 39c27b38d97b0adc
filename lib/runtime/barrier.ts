/**
 * Where threads that compute one image together wait for each other, as plain data to be sent to Workers. Work is in
 * phases, counted on modulo 2^32 from image to image; what a phase reads has been written in those before it.
 */
export interface Barrier {
  readonly threads: number;
  /**
   * Of each thread the last phase up to which it has nothing left to do, each on a cache line of its own; behind them a
   * `State`.
   */
  readonly progress: Int32Array<SharedArrayBuffer>;
}

type State = "open" | "closed" | "failed";
const STATES: readonly State[] = ["open", "closed", "failed"];

/** Elements from one thread's to the next. */
const STRIDE = 16;

/**
 * How often a thread looks for another before it sleeps: some 100 microseconds, since parts of a step are done at nearly
 * the same time, and waking a thread takes half as long.
 */
const LOOKS = 50_000;

/**
 * Where looking was in vain so many times in a row, the other thread most likely waits for the processor of this one, and
 * a thread looks for as long as it takes to sleep.
 */
const PATIENT_TIMES = 8;
const IMPATIENT_LOOKS = 2000;

/** A wait is in parts, since time goes on for a program that is stopped: when it goes on, the others have a part left. */
const WAITS = 2;

/** So far behind no thread is. */
const FAR_BEHIND = 2 ** 30;

/** How often a thread has looked for others in vain. */
export interface VainLooks {
  /** Since it last did not. */
  inRow: number;
  total: number;
}

/** A barrier for threads that have nothing to do up to these phases. */
export function createBarrier(idleUntil: readonly number[]): Barrier {
  const threads = idleUntil.length;
  const progress = new Int32Array(new SharedArrayBuffer(4 * STRIDE * (threads + 1)));
  idleUntil.forEach((phase, thread) => progress[STRIDE * thread] = phase);
  return { threads, progress };
}

/** Says that a thread has nothing left to do up to a phase. */
export function finishPhase({ progress }: Barrier, thread: number, phase: number): void {
  Atomics.store(progress, STRIDE * thread, phase);
  Atomics.notify(progress, STRIDE * thread);
}

/**
 * Waits until all other threads have done what they have to up to a phase. False if they never will, since the barrier
 * was closed or a thread has failed, or if one takes longer than this.
 */
export function awaitPhase(
  barrier: Barrier,
  thread: number,
  phase: number,
  vain: VainLooks,
  limitMs = Infinity,
): boolean {
  for (let other = 0; other < barrier.threads; other++) {
    if (other !== thread && !awaitThread(barrier, other, phase, vain, limitMs)) return false;
  }
  return true;
}

function awaitThread(
  barrier: Barrier,
  thread: number,
  phase: number,
  vain: VainLooks,
  limitMs: number,
): boolean {
  const { progress } = barrier;
  const place = STRIDE * thread;
  if ((Atomics.load(progress, place) - phase | 0) >= 0) return true;
  const looks = vain.inRow < PATIENT_TIMES ? LOOKS : IMPATIENT_LOOKS;
  for (let look = 0; look < looks; look++) {
    if ((Atomics.load(progress, place) - phase | 0) < 0) continue;
    vain.inRow = 0;
    return true;
  }
  vain.inRow++;
  vain.total++;
  for (let waits = 0; waits < WAITS;) {
    const reached = Atomics.load(progress, place);
    if ((reached - phase | 0) >= 0) return true;
    if (stateOf(barrier) !== "open") return false;
    if (Atomics.wait(progress, place, reached, limitMs / WAITS) === "timed-out") waits++;
  }
  return false;
}

export function stateOf({ threads, progress }: Barrier): State {
  return STATES[Atomics.load(progress, STRIDE * threads)];
}

/** Lets all threads go that wait, and none wait any more; the first end counts. */
export function endBarrier({ threads, progress }: Barrier, state: Exclude<State, "open">): void {
  const open = STATES.indexOf("open");
  if (Atomics.compareExchange(progress, STRIDE * threads, open, STATES.indexOf(state)) !== open) return;
  for (let thread = 0; thread < threads; thread++) {
    // Another value, so that nobody who has not seen the state yet begins to wait.
    Atomics.sub(progress, STRIDE * thread, FAR_BEHIND);
    Atomics.notify(progress, STRIDE * thread);
  }
}
