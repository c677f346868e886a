/** Answers that a kernel may give and seldom does: by name and number for a test of one of them, by probability for chaos. */
import type { CallName } from "../../../src/engines/linux/sys/libc.ts";
import type { Random } from "./random.ts";

interface Script {
  readonly errno: number;
  /** Calls that go well before it, then those that fail. */
  after: number;
  times: number;
}

interface Chance {
  readonly errno: number;
  readonly probability: number;
}

export interface FailOptions {
  /** Calls that fail; 1 if not said, Infinity for all. */
  readonly times?: number;
  /** Calls that go well first. */
  readonly after?: number;
}

export class Faults {
  readonly #random: Random;
  readonly #scripts = new Map<CallName, Script[]>();
  readonly #chances = new Map<CallName, Chance[]>();
  readonly #short = new Map<CallName, number>();
  /** Faults of chance happen. */
  enabled = true;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next call of this name fails with `errno`, or those that the options say. Scripts of one name follow each other. */
  fail(call: CallName, errno: number, { times = 1, after = 0 }: FailOptions = {}): void {
    const scripts = this.#scripts.get(call) ?? [];
    scripts.push({ errno, after, times });
    this.#scripts.set(call, scripts);
  }

  /** From now on, each call of this name fails with `errno` in so many cases. */
  chance(call: CallName, errno: number, probability: number): void {
    this.#chances.set(call, [...(this.#chances.get(call) ?? []), { errno, probability }]);
  }

  /** send and splice move a part of what they could, in so many cases. */
  shorten(call: "send" | "splice", probability: number): void {
    this.#short.set(call, probability);
  }

  /** From now on all goes well. */
  clear(): void {
    this.#scripts.clear();
    this.#chances.clear();
    this.#short.clear();
  }

  /** Failures that were asked for and have not happened. */
  get pending(): number {
    let count = 0;
    for (const scripts of this.#scripts.values()) {
      for (const { times } of scripts) if (times !== Number.POSITIVE_INFINITY) count += times;
    }
    return count;
  }

  /** What this call is to fail with; 0: nothing. */
  next(call: CallName): number {
    const scripts = this.#scripts.get(call);
    if (scripts !== undefined && scripts.length > 0) return nextOf(scripts);
    const chances = this.#chances.get(call);
    if (chances === undefined || !this.enabled) return 0;
    for (const { errno, probability } of chances) if (this.#random.chance(probability)) return errno;
    return 0;
  }

  /** How much of `length` this call may move. */
  limit(call: "send" | "splice", length: number): number {
    const probability = this.#short.get(call);
    if (probability === undefined || !this.enabled || length < 2 || !this.#random.chance(probability)) return length;
    return this.#random.between(1, length - 1);
  }

  /** ms for which a socket that has said EAGAIN without need goes on doing so. */
  stallMs(): number {
    return this.#random.unit() * 5;
  }
}

function nextOf(scripts: Script[]): number {
  const script = scripts[0]!;
  if (script.after > 0) {
    script.after--;
    return 0;
  }
  if (--script.times <= 0) scripts.shift();
  return script.errno;
}
