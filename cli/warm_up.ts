/** How long what is waited for may take before it counts as late, and how long work goes on at most. Milliseconds. */
export interface Patience {
  readonly lateMs: number;
  readonly limitMs: number;
}

/** A read of what lies ready ends within this time; V8 has compiled all loops of ResNet18 for good after the second. */
const PATIENCE: Patience = { lateMs: 5, limitMs: 300 };

/**
 * The same frames; `work` is done again and again while the first one is late, so that a runtime that compiles what runs
 * often has done so when it comes. Frames that are ready are not kept waiting.
 */
export async function* warmedUp<T>(
  frames: AsyncGenerator<T, void>,
  work: () => void,
  patience = PATIENCE,
): AsyncGenerator<T, void> {
  try {
    const first = await whileLate(frames.next(), work, patience);
    if (first.done) return;
    yield first.value;
    yield* frames;
  } finally {
    await frames.return();
  }
}

async function whileLate<T>(awaited: Promise<T>, work: () => void, { lateMs, limitMs }: Patience): Promise<T> {
  let isLate = true;
  const settled = (): void => void (isLate = false);
  awaited.then(settled, settled);
  await orAfter(lateMs, awaited);
  const end = performance.now() + limitMs;
  while (isLate && performance.now() < end) {
    work();
    await orAfter(0, awaited);
  }
  return await awaited;
}

/** Waits for that, or until time has passed and the event loop has gone round. */
async function orAfter(ms: number, awaited: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([awaited, new Promise<void>((resolve) => timer = setTimeout(resolve, ms))]);
  } finally {
    clearTimeout(timer);
  }
}
