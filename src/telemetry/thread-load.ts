/** How much of the last ten seconds each thread was at work, as the kernel tells: a thread that is always at work is the bottleneck. */
import { readFileSync } from "node:fs";

/** Ticks of a second in /proc: what Linux shows there is in these, whatever its own are (USER_HZ). */
const TICKS = 100;
/** Samples that are kept: see SAMPLE_MS of samples.ts. */
const KEPT = 6;

export interface Thread {
  readonly name: string;
  /** null: it is not known. */
  readonly tid: number | null;
}

export interface Busy {
  readonly name: string;
  /** 0 to 1; null: the system does not tell, or has not been asked for long enough. */
  readonly busy: number | null;
  /** Seconds of a processor since the thread's start; null: the system does not tell. */
  readonly seconds: number | null;
}

interface Sample {
  readonly at: number;
  readonly seconds: number | null;
}

export class ThreadLoad {
  readonly #threads: () => readonly Thread[];
  readonly #secondsOf: (tid: number) => number | null;
  /** By name and number: a thread that has died has another number when it is back. */
  #samples = new Map<string, readonly Sample[]>();

  constructor(threads: () => readonly Thread[], secondsOf = secondsInProc) {
    this.#threads = threads;
    this.#secondsOf = secondsOf;
  }

  /** `now`: ms. */
  take(now: number): void {
    const next = new Map<string, readonly Sample[]>();
    for (const thread of this.#threads()) {
      const seconds = thread.tid === null ? null : this.#secondsOf(thread.tid);
      next.set(keyOf(thread), [...(this.#samples.get(keyOf(thread)) ?? []), { at: now, seconds }].slice(-KEPT));
    }
    this.#samples = next;
  }

  get busy(): Busy[] {
    return this.#threads().map((thread) => {
      const samples = this.#samples.get(keyOf(thread)) ?? [];
      return { name: thread.name, busy: busyOf(samples), seconds: samples.at(-1)?.seconds ?? null };
    });
  }
}

function busyOf(samples: readonly Sample[]): number | null {
  const [from, to] = [samples[0], samples.at(-1)];
  if (from === undefined || to === undefined || from.seconds === null || to.seconds === null) return null;
  const seconds = (to.at - from.at) / 1_000;
  return seconds > 0 ? Math.min(1, Math.max(0, (to.seconds - from.seconds) / seconds)) : null;
}

function keyOf({ name, tid }: Thread): string {
  return `${name} ${tid}`;
}

/** Of a thread of this process; null where there is no /proc, or it must not be read (Deno without -A). */
export function secondsInProc(tid: number): number | null {
  try {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, "utf8");
    // The second field is a name in parentheses, which may hold anything; user and system time are the 14th and 15th.
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return user === undefined || system === undefined ? null : (user + system) / TICKS;
  } catch (error) {
    void error; // whatever is in the way, it is not known
    return null;
  }
}
