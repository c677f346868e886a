/** The number of edits (insert, delete, replace, swap two neighbours) that turn `a` into `b`: the optimal string alignment distance. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(previous[j]! + 1, current[j - 1]! + 1, replaced);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      current.push(least);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}

/** Letters at the beginning of a name that nobody types by mistake. */
const TELLING = 4;

/**
 * `; did you mean X?` for the shortest candidate that begins with `given`, if that has some letters, as `--algo` does. Otherwise for the
 * one most like it, with at most 2 of 5 letters different, or else for the shortest that begins with it, as the `-v` of other programs.
 */
export function suggestion(given: string, candidates: Iterable<string>): string {
  const all = [...candidates];
  let best = bare(given).length >= TELLING ? completion(given, all) : "";
  if (best !== "") return `; did you mean ${best}?`;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of all) {
    const edits = distance(given.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.max(given.length, candidate.length) * 0.4;
    if (edits < least && edits <= allowed) {
      best = candidate;
      least = edits;
    }
  }
  if (best === "") best = completion(given, all);
  return best === "" ? "" : `; did you mean ${best}?`;
}

function completion(given: string, candidates: readonly string[]): string {
  const stem = bare(given);
  if (stem === "") return "";
  const fitting = candidates.filter((candidate) => bare(candidate).startsWith(stem));
  return fitting.sort((a, b) => a.length - b.length)[0] ?? "";
}

/** Without the dashes of a flag. */
function bare(name: string): string {
  return name.replace(/^-+/, "").toLowerCase();
}
