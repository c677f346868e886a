/** What other balancers write down of their clients' sticky bindings, read from the last batch on that is known: see binding-log.ts. */
import * as z from "zod/mini";
import { whole } from "../control/protocol/schema.ts";
import type { Clock } from "../util/clock.ts";
import { type BoundThere, readBatch } from "./binding-batch.ts";
import { INDEX, MARK } from "./binding-log.ts";
import type { Turn } from "./part.ts";
import { unlessRefused } from "./refusal.ts";
import type { GroupStore, Texts } from "./store.ts";
import { jsonOf } from "./word.ts";

/** Batches that are read at once, of all together, some thousand bindings at most: what becomes of them takes milliseconds. */
const MOST_AT_ONCE = 8;
/** Bindings that are read in a turn, of which batches may have few or many. */
const MOST_IN_A_TURN = 4_000;
/** ms after which no more are read at once: what the group says of this balancer waits meanwhile, and others count on it (times.ts). */
const TURN_MS = 300;
/** What a batch takes by itself is as much as so many take. */
const LEAST_IN_BATCH = 5;
/** The same before the first client comes, and again as long as there are more, for so many ms. The start waits a second (group.ts). */
const MOST_AT_START = 20;
const START_MS = 800;
/** Batches that are in no index: of more, the last ones are read. */
const MOST_IN_A_ROW = 1_000;
/** Batches of one balancer that are yet to be read: of more, the last ones. Others than Harmony may write there. */
const MOST_DUE = 10_000;
const MARKED = /^(\d{1,15}) (\d{1,15})$/;

const Index = z.array(whole(0, Number.MAX_SAFE_INTEGER)).check(z.maxLength(10_000));

interface Other {
  /** The number of the last batch that is known. */
  known: number;
  /** Batches that are there and are to be read. */
  due: readonly number[];
  /** More may have been written. */
  isStale: boolean;
  /** When it was asked what there is. */
  askedAt: number;
  /** What it has written could not be read, which has been told. */
  isUnreadable: boolean;
}

export interface BindingReaderOptions {
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  /** ms from one look at what one balancer has to the next. */
  readonly interval: number;
  readonly onWarning: (message: string) => void;
  readonly take: (there: BoundThere) => void;
}

export class BindingReader {
  readonly #options: BindingReaderOptions;
  readonly #others = new Map<string, Other>();
  /** Clients may come. */
  #isOffered = false;

  constructor(options: BindingReaderOptions) {
    this.#options = options;
  }

  /** Whether there is something to be read. */
  get isDue(): boolean {
    return this.isBehind || [...this.#others.values()].some((other) => this.#isToBeAsked(other));
  }

  /** Whether there are batches that are yet to be read. */
  get isBehind(): boolean {
    for (const { due } of this.#others.values()) if (due.length > 0) return true;
    return false;
  }

  offered(): void {
    this.#isOffered = true;
  }

  /** Left out: any of them may have written. */
  stale(by?: string): void {
    for (const [id, other] of this.#others) if (by === undefined || by === id) other.isStale = true;
  }

  async read(turn: Pick<Turn, "store" | "members">): Promise<void> {
    await this.#readUpTo(MOST_IN_A_TURN, turn);
  }

  /** All that they have written until now. False: not all of it, as that would take too long. */
  async readAll(turn: Pick<Turn, "store" | "members">): Promise<boolean> {
    for (const other of this.#others.values()) {
      other.isStale = true;
      other.askedAt = Number.NEGATIVE_INFINITY;
    }
    await this.#readUpTo(Number.POSITIVE_INFINITY, turn);
    return !this.isBehind;
  }

  async #readUpTo(most: number, { store, members }: Pick<Turn, "store" | "members">): Promise<void> {
    for (const id of this.#others.keys()) if (!members.has(id)) this.#others.delete(id);
    for (const id of members.keys()) {
      if (!this.#others.has(id)) this.#others.set(id, newOther());
    }
    await this.#ask(store);
    const { clock } = this.#options;
    const until = clock.now() + (this.#isOffered ? TURN_MS : START_MS);
    let room = most;
    while (this.isBehind && (room > 0 || !this.#isOffered) && clock.now() < until) room -= await this.#readSome(store);
  }

  #isToBeAsked({ isStale, askedAt }: Other): boolean {
    return isStale && this.#options.clock.now() >= askedAt + this.#options.interval;
  }

  async #ask(store: GroupStore): Promise<void> {
    const asked = [...this.#others].filter(([, other]) => this.#isToBeAsked(other));
    await allOf(asked.map(([id, other]) => this.#askOne(store, id, other)));
  }

  async #askOne(store: GroupStore, id: string, other: Other): Promise<void> {
    other.isStale = false; // a hint that comes meanwhile may be of what is not in the answer
    other.askedAt = this.#options.clock.now();
    try {
      const marked = await this.#texts(store, id, [MARK]);
      const [indexed = 0, last = 0] =
        MARKED.exec(marked?.get(MARK) ?? "")
          ?.slice(1)
          .map(Number) ?? [];
      const from = other.due.at(-1) ?? other.known;
      if (last <= from) return;
      const before = from < indexed ? indexIn(await this.#texts(store, id, [INDEX])) : [];
      const listed = before.filter((seq) => seq > from && seq <= Math.min(indexed, last));
      const added = [...listed, ...row(Math.max(from, indexed, last - MOST_IN_A_ROW) + 1, last)];
      other.due = [...other.due, ...added].slice(-MOST_DUE);
    } catch (error) {
      other.isStale = true;
      throw error;
    }
  }

  /** Of several others, which takes no longer than of one. Gives how many bindings that were, as far as work goes. */
  async #readSome(store: GroupStore): Promise<number> {
    const most = this.#isOffered ? MOST_AT_ONCE : MOST_AT_START;
    const due = [...this.#others].filter(([, other]) => other.due.length > 0).slice(0, most);
    const each = Math.floor(most / due.length);
    const counts = await allOf(due.map(([id, other]) => this.#readFrom(store, id, other, each)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #readFrom(store: GroupStore, id: string, other: Other, most: number): Promise<number> {
    const seqs = other.due.slice(0, most);
    const texts = await this.#texts(store, id, seqs.map(String));
    other.known = seqs.at(-1)!;
    other.due = other.due.slice(seqs.length);
    const now = this.#options.wallClock();
    let count = LEAST_IN_BATCH * seqs.length;
    for (const text of texts?.values() ?? []) {
      for (const there of readBatch(text, now)) {
        this.#options.take(there);
        count += there.clients.length;
      }
    }
    return count;
  }

  /** null: they cannot be read. The others have nothing to do with it: they are left out, and looked at again with everything. */
  #texts(store: GroupStore, id: string, names: readonly string[]): Promise<Texts | null> {
    return unlessRefused(
      () => store.read(id, "bindings", names),
      ({ message }) => this.#unreadable(id, message),
    );
  }

  #unreadable(id: string, why: string): void {
    const other = this.#others.get(id);
    if (other === undefined || other.isUnreadable) return;
    other.isUnreadable = true;
    this.#options.onWarning(`the sticky bindings of balancer ${id} of the group cannot be read: ${why}`);
  }
}

function newOther(): Other {
  return { known: 0, due: [], isStale: true, askedAt: Number.NEGATIVE_INFINITY, isUnreadable: false };
}

/** Settles when all are over, however they have ended: none is begun again while it is under way. */
async function allOf<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

function indexIn(texts: Texts | null): readonly number[] {
  return Index.safeParse(jsonOf(texts?.get(INDEX) ?? "")).data ?? [];
}

function row(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}
