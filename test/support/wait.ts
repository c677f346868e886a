/** Waiting for what a test expects. Every wait ends: with what was waited for, or with an error that names it. */
import { setTimeout as delay } from "node:timers/promises";
import { noteWait } from "../../scripts/test/waiting.ts";

/** ms. Far longer than anything here takes on a busy machine: only a failing test waits that long. */
export const PATIENCE_MS = 20_000;
const POLL_MS = 5;
/** Looks at consecutive turns of the event loop, before waiting between looks: enough for whatever needs no time. */
const TURNS = 50;

/** The result of `promise`; throws when it has not settled in time. `what` completes "waited for …". */
export async function within<T>(what: string, promise: Promise<T>, patience = PATIENCE_MS): Promise<T> {
  const ended = noteWait(what);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(inVain(what, patience)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    ended();
  }
}

type Nothing = undefined | null | false;

/** Looks until `look` gives a value, and returns it; throws when it has given none in time. */
export async function until<T>(
  what: string,
  look: () => T | Nothing | Promise<T | Nothing>,
  patience = PATIENCE_MS,
): Promise<T> {
  const ended = noteWait(what);
  const deadline = performance.now() + patience;
  try {
    for (let looks = 0; ; looks++) {
      const value = await look();
      if (value !== undefined && value !== null && value !== false) return value;
      if (performance.now() > deadline) throw inVain(what, patience);
      await (looks < TURNS ? turn() : delay(POLL_MS));
    }
  } finally {
    ended();
  }
}

/** Returns `value()` once it has not changed for `quiet` ms: how a test sees that a writer is held up. */
export async function standstill(what: string, value: () => number, quiet = 300): Promise<number> {
  let last = value();
  let since = performance.now();
  await until(`${what} to stand still`, () => {
    if (value() !== last) {
      last = value();
      since = performance.now();
    }
    return performance.now() - since >= quiet;
  });
  return last;
}

/** Lets everything happen that needs neither time nor the network. */
export async function settle(turns = TURNS): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function inVain(what: string, patience: number): Error {
  return new Error(`waited ${patience / 1000} s in vain for ${what}`);
}
