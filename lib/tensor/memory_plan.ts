/** One tensor's bytes and the steps (first to last, both included) during which it must be kept. */
export interface Lifetime {
  readonly name: string;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** Offset of each tensor in the arena. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly arenaBytes: number;
  /** The most bytes alive at one step: no plan is smaller. */
  readonly lowerBound: number;
}

/** Bytes to which offsets are rounded up, and that lie between neighbours: kernels may read (never write) a little on. */
const ALIGNMENT = 64;

/**
 * Places tensors whose lifetimes overlap side by side and lets others share bytes: the largest first, each at the
 * lowest offset that is free for its whole lifetime (greedy by size; Pisarchyk and Lee, arXiv 2001.03288, section 5.2).
 */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const padded = (bytes: number): number => (Math.ceil(bytes / ALIGNMENT) + 1) * ALIGNMENT;
  const placed: (Lifetime & { offset: number; end: number })[] = [];
  const order = lifetimes.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first || (a.name < b.name ? -1 : 1));
  for (const item of order) {
    const neighbours = placed
      .filter((other) => other.first <= item.last && item.first <= other.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of neighbours) {
      if (offset + padded(item.bytes) <= other.offset) break;
      offset = Math.max(offset, other.end);
    }
    placed.push({ ...item, offset, end: offset + padded(item.bytes) });
  }
  return {
    offsets: new Map(placed.map(({ name, offset }) => [name, offset])),
    arenaBytes: placed.reduce((most, { end }) => Math.max(most, end), 0),
    lowerBound: mostAlive(lifetimes),
  };
}

/** The most bytes that are alive at one step. */
function mostAlive(lifetimes: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (step: number, bytes: number): unknown => changes.set(step, (changes.get(step) ?? 0) + bytes);
  for (const { first, last, bytes } of lifetimes) {
    change(first, bytes);
    change(last + 1, -bytes);
  }
  let alive = 0;
  let most = 0;
  for (const [, bytes] of [...changes].sort(([a], [b]) => a - b)) {
    alive += bytes;
    most = Math.max(most, alive);
  }
  return most;
}
