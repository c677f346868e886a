/** Waiting for what a test expects. Every wait ends: with what was waited for, or with an error that names it. */
import { noteWait } from "../../scripts/test/waiting.ts";
import { type Cancel, type Clock, systemClock } from "../../src/util/clock.ts";

/** The time that waits take. */
export interface Time extends Clock {
  /** Lets everything else go first that is ready to. */
  turn(): Promise<void>;
}

const systemTime: Time = { ...systemClock, turn: () => new Promise((resolve) => setImmediate(resolve)) };
let time = systemTime;

/** Waits take a simulated time from now on; the function that is returned brings the real one back. */
export function useTime(simulated: Time): () => void {
  time = simulated;
  return () => {
    time = systemTime;
  };
}

/** ms on the clock that waits go by. */
export function now(): number {
  return time.now();
}

/** ms. Far longer than anything here takes on a busy machine: only a failing test waits that long. */
export const PATIENCE_MS = 20_000;
const POLL_MS = 5;
/** Looks at consecutive turns of the event loop, before waiting between looks: enough for whatever needs no time. */
const TURNS = 50;

/** The result of `promise`; throws when it has not settled in time. `what` completes "waited for …". */
export async function within<T>(what: string, promise: Promise<T>, patience = PATIENCE_MS): Promise<T> {
  const ended = noteWait(what);
  let cancel: Cancel | undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = time.after(patience, () => reject(inVain(what, patience)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel?.();
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
  const deadline = now() + patience;
  try {
    for (let looks = 0; ; looks++) {
      const value = await look();
      if (value !== undefined && value !== null && value !== false) return value;
      if (now() > deadline) throw inVain(what, patience);
      await (looks < TURNS ? time.turn() : passes(POLL_MS));
    }
  } finally {
    ended();
  }
}

/** Returns `value()` once it has not changed for `quiet` ms: how a test sees that a writer is held up. */
export async function standstill(what: string, value: () => number, quiet = 300): Promise<number> {
  let last = value();
  let since = now();
  await until(`${what} to stand still`, () => {
    if (value() !== last) {
      last = value();
      since = now();
    }
    return now() - since >= quiet;
  });
  return last;
}

/** This many ms pass, and not a part of one less: a timer may come early. */
export async function passes(ms: number): Promise<void> {
  const end = now() + ms;
  for (let left = ms; left > 0; left = end - now()) {
    await new Promise<void>((resolve) => void time.after(left, resolve));
  }
}

/** Lets everything happen that needs neither time nor the network. */
export async function settle(turns = TURNS): Promise<void> {
  for (let i = 0; i < turns; i++) await time.turn();
}

function inVain(what: string, patience: number): Error {
  return new Error(`waited ${patience / 1000} s in vain for ${what}`);
}
