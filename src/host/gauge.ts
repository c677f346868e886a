/** What gauges of this machine have in common: what they read, and what comes of it. */
import { readFileSync } from "node:fs";

/** The text of a file; null where it is not there, or may not be read. */
export type ReadFile = (path: string) => string | null;

export const readFile: ReadFile = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
};

/**
 * Something of which this machine has a limited amount. Called again and again, with the time in ms: the part that was in use since the
 * last call, 0…1; null where that cannot be told, as at the first call.
 */
export type Gauge = (now: number) => number | null;

/** A counter that grows by `size` for each ms in which all of it is in use. */
export interface Counter {
  readonly used: number;
  /** Per ms. */
  readonly size: number;
}

/** The gauge of a counter that is read again and again; null where it is not there. */
export function gaugeOf(read: () => Counter | null): Gauge {
  let last: { readonly used: number; readonly at: number } | null = null;
  return (now) => {
    const counter = read();
    const before = last;
    last = counter === null ? null : { used: counter.used, at: now };
    if (counter === null || before === null || now <= before.at || counter.size <= 0) return null;
    const part = (counter.used - before.used) / (counter.size * (now - before.at));
    // No part of nothing, or of what has no end. A counter that begins anew, as that of a cgroup which was made again, has not been used less
    // than not at all.
    return Number.isNaN(part) ? null : Math.min(1, Math.max(0, part));
  };
}
