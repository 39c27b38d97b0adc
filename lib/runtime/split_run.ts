import type { Program, ProgramCall } from "../../kernels/program.ts";
import { connectCalls, type SharedCalls } from "../../kernels/shared_calls.ts";
import { awaitPhase, type Barrier, createBarrier, endBarrier, finishPhase, stateOf } from "./barrier.ts";
import { Pace } from "./pace.ts";

/**
 * What a step does: calls of the program, each by the thread that it names, which do not depend on each other; or something
 * else, on the first thread.
 */
export type Work = readonly ProgramCall[] | (() => void);

/** Work of one image between two times at which all threads wait for each other. */
interface Phase {
  readonly works: Work[];
  /** Whether the first thread alone has something to do. */
  readonly isAlone: boolean;
}

/** The part of one thread in the computation of every image, as plain data to be sent to a Worker. */
export interface ThreadPart {
  readonly thread: number;
  readonly barrier: Barrier;
  /** Phases of an image. */
  readonly phases: number;
  /** Those in which this thread has something to do, in order. */
  readonly own: readonly number[];
  /** One function for each of them. */
  readonly calls: SharedCalls;
}

/** The computation of single images on several threads. */
export interface SplitRun {
  readonly threads: number;
  /** Pieces of work that are done in parts. */
  readonly steps: number;
  /** Of thread 1, 2, ...: for `joinSplitRun` on each of these. */
  readonly parts: readonly ThreadPart[];
  /**
   * From now on runs wait for the other threads, at most so long at a time. Until then, the thread of the engine computes
   * all parts.
   */
  start(patienceMs?: number): void;
  /** Whether a run has failed by another thread. */
  readonly hasFailed: boolean;
  /** Lets the other threads go; the thread of the engine computes all parts again. */
  end(): void;
}

/** The same, as an engine sees it. */
export interface SplitRunner extends SplitRun {
  readonly isStarted: boolean;
  /**
   * Runs an image; `load` puts it into memory, `alone` does all the work on this thread, where that is faster now.
   * @throws Error when another thread fails, or does not answer.
   */
  run(load: () => void, alone: () => void): void;
}

/** Longer than any step takes on any machine, so that a thread which hangs does not make the program hang. */
const PATIENCE_MS = 30_000;

/** Of the phases of an image: where a thread has to sleep in more of them, others have not got a processor of their own. */
const VAIN_SHARE = 0.25;

/** Splits the work of an image among threads; undefined where no step has more than one part. */
export function splitRun(works: readonly Work[], program: Program | undefined): SplitRunner | undefined {
  const split = works.filter((work) => typeof work !== "function" && work.length > 1);
  if (program === undefined || split.length === 0) return undefined;
  const phases = phasesOf(works);
  const threads = Math.max(...phases.map(({ works, isAlone }) => isAlone ? 1 : works[0].length));
  const runs = firstThreadsRuns(phases, program);
  const others = Array.from({ length: threads - 1 }, (_, i) => partOf(phases, i + 1));
  // Loading the image is phase 0, before which no thread has anything to do.
  const barrier = createBarrier([-1, ...others.map(({ own }) => own[0] - 1)]);
  const vain = { inRow: 0, total: 0 };
  const pace = new Pace();
  const count = phases.length + 1;
  let base = 0;
  let isStarted = false;
  let patience = PATIENCE_MS;
  const wait = (phase: number): void => {
    if (!awaitPhase(barrier, 0, base + phase, vain, patience)) throw brokenRun(barrier, patience);
  };
  const together = (): void => {
    runs.forEach((run, i) => {
      finishPhase(barrier, 0, base + i);
      wait(i);
      run();
    });
    finishPhase(barrier, 0, base + count - 1);
    wait(count - 1);
    base = base + count | 0;
  };
  return {
    threads,
    steps: split.length,
    parts: others.map(({ own, sequences }, i) => ({
      thread: i + 1,
      barrier,
      phases: count,
      own,
      calls: program.share(sequences),
    })),
    get hasFailed() {
      return stateOf(barrier) === "failed";
    },
    get isStarted() {
      return isStarted;
    },
    start(patienceMs = PATIENCE_MS) {
      isStarted = true;
      patience = patienceMs;
    },
    end() {
      isStarted = false;
      endBarrier(barrier, "closed");
    },
    run(load, alone) {
      if (stateOf(barrier) !== "open") throw brokenRun(barrier, patience);
      load();
      const start = performance.now();
      const before = vain.total;
      if (pace.next() === "alone") alone();
      else together();
      pace.record(performance.now() - start, vain.total - before > VAIN_SHARE * count);
    },
  };
}

function brokenRun(barrier: Barrier, patienceMs: number): Error {
  const what = stateOf(barrier) === "open" ? `did not answer for ${patienceMs / 1000} s` : "has failed";
  endBarrier(barrier, "failed");
  return new Error(`another thread that computes parts of images ${what}; --threads 1 does without`);
}

/** Steps with several parts are a phase each; others that follow each other are one. */
function phasesOf(works: readonly Work[]): Phase[] {
  const phases: Phase[] = [];
  for (const work of works) {
    const isAlone = typeof work === "function" || work.length < 2;
    const last = phases.at(-1);
    if (isAlone && last?.isAlone) last.works.push(work);
    else phases.push({ works: [work], isAlone });
  }
  return phases;
}

/** What the first thread does in each phase. */
function firstThreadsRuns(phases: readonly Phase[], program: Program): (() => void)[] {
  const isOwn = ({ thread = 0 }: ProgramCall): boolean => thread === 0;
  const own = phases.map(({ works }) =>
    joinCalls(works.map((work) => typeof work === "function" ? work : work.filter(isOwn)))
  );
  const linked = linkWorks(own.flat(), program);
  let end = 0;
  return own.map(({ length }) => {
    const runs = linked.slice(end, end += length);
    return runs.length === 1 ? runs[0] : () => runs.forEach((run) => run());
  });
}

/** The phases in which another thread has something to do, and its calls. */
function partOf(phases: readonly Phase[], thread: number): { own: number[]; sequences: ProgramCall[][] } {
  const sequences = phases.map(({ works }) =>
    works.flatMap((work) => typeof work === "function" ? [] : work.filter((call) => call.thread === thread))
  );
  const own = sequences.flatMap((calls, i) => calls.length > 0 ? [i + 1] : []);
  return { own, sequences: sequences.filter((calls) => calls.length > 0) };
}

/** Joins calls of the program that follow each other. */
export function joinCalls(works: readonly Work[]): Work[] {
  const joined: Work[] = [];
  for (const work of works) {
    const last = joined.at(-1);
    if (typeof work === "function" || last === undefined || typeof last === "function") joined.push(work);
    else joined[joined.length - 1] = [...last, ...work];
  }
  return joined;
}

/** A function for each piece of work, which does all of it. */
export function linkWorks(works: readonly Work[], program: Program | undefined): (() => void)[] {
  const calls = works.filter((work) => typeof work !== "function");
  const linked = new Map(program?.link(calls).map((run, i) => [calls[i] as Work, run]));
  return works.map((work) => typeof work === "function" ? work : linked.get(work) ?? (() => {}));
}

/** Takes part in the runs of an engine on another thread: what this gives returns once they have ended. */
export function joinSplitRun({ thread, barrier, phases, own, calls }: ThreadPart): () => void {
  const runs = connectCalls(calls);
  return () => {
    try {
      const vain = { inRow: 0, total: 0 };
      for (let base = 0;; base = base + phases | 0) {
        for (let i = 0; i < own.length; i++) {
          if (!awaitPhase(barrier, thread, base + own[i] - 1, i === 0 ? { inRow: 0, total: 0 } : vain)) return;
          runs[i]();
          const next = i + 1 < own.length ? own[i + 1] : own[0] + phases;
          finishPhase(barrier, thread, base + next - 1 | 0);
        }
      }
    } catch (error) {
      endBarrier(barrier, "failed");
      throw error;
    }
  };
}
