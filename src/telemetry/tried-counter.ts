/** Which targets were tried for connections that got none, and why each failed, as a part of a line of the log. */
import { meaningOf, type NetCode } from "../net/net-error.ts";
import type { TriedTarget } from "../proxy/record.ts";

/** Named in a line: those that most connections tried. */
const NAMED = 8;
/** Counted one by one. Targets that come and go under new names must not be able to fill memory. */
const MOST_COUNTED = 1_024;

/** Where one word is enough. */
const BRIEF: Partial<Record<NetCode, string>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
};

interface Failure extends TriedTarget {
  connections: number;
}

export interface TriedSum {
  /** `default/a refused (12), default/b timed out (7), and 3 more`; empty when none was tried. */
  readonly text: string;
  /** What is named. */
  readonly tried: readonly Readonly<Failure>[];
}

export class TriedCounter {
  /** By target and code. */
  readonly #failures = new Map<string, Failure>();
  #isFull = false;

  add(tried: readonly TriedTarget[]): void {
    for (const { target, code } of tried) {
      const key = `${code} ${target}`;
      const failure = this.#failures.get(key);
      if (failure !== undefined) failure.connections++;
      else if (this.#failures.size < MOST_COUNTED) this.#failures.set(key, { target, code, connections: 1 });
      else this.#isFull = true;
    }
  }

  /** `withCounts`: there were several connections. */
  sum(withCounts: boolean): TriedSum {
    const all = [...this.#failures.values()].sort((a, b) => b.connections - a.connections);
    const tried = all.slice(0, NAMED);
    const parts = tried.map((failure) => failureText(failure) + (withCounts ? ` (${failure.connections})` : ""));
    const unnamed = all.length - tried.length;
    if (unnamed > 0) parts.push(`and ${this.#isFull ? "more than " : ""}${unnamed} more`);
    return { text: parts.join(", "), tried };
  }
}

export function failureText({ target, code }: TriedTarget): string {
  return `${target ?? "one that has left"} ${BRIEF[code] ?? meaningOf(code)}`;
}
