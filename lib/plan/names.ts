/** Whether `name` matches `pattern`, in which * stands for any text and everything else for itself. */
export function matchesPattern(name: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(name);
}

/** `; did you mean "conv1"?` when a known name is near, otherwise a few of the known names. */
export function suggestion(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase();
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const nearest = ranked[0];
  if (nearest !== undefined && nearest.distance <= Math.max(2, name.length / 3)) {
    return `; did you mean "${nearest.candidate}"?`;
  }
  return known.length === 0 ? "" : `; known are ${enumerate(known)}`;
}

/** "a", "b", "c" and 4 more */
export function enumerate(names: readonly string[], shown = 5): string {
  const quoted = names.slice(0, shown).map((name) => `"${name}"`).join(", ");
  return names.length > shown ? `${quoted} and ${names.length - shown} more` : quoted;
}

/** Levenshtein's distance: insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
