/**
 * A client has the same target at every balancer: each writes down the sticky bindings of its own clients, and takes what others write down
 * where the client has none here, or one that it was bound to earlier and that is not in use. Where a pool has
 * clients wait for that (readings.ts), what is new is written at once.
 *
 * What one has made that is gone, its heirs write down (heirs.ts): so all that holds is somebody's who is there, and is written anew where the store has
 * forgotten everything.
 */
import type { Cancel, Clock } from "../util/clock.ts";
import type { HarmonyError } from "../util/errors.ts";
import { Turns } from "../util/turns.ts";
import type { BoundThere } from "./binding-batch.ts";
import { BindingLog, type Outlived } from "./binding-log.ts";
import { BindingReader } from "./binding-reader.ts";
import { Heirs, type IsHeir } from "./heirs.ts";
import { Homeless } from "./homeless.ts";
import type { Part, Turn } from "./part.ts";
import { type Lookers, Readings } from "./readings.ts";
import { refusalIn } from "./refusal.ts";

/** ms for which new bindings are gathered, and between two looks at what one other balancer has written. */
export const GATHER_MS = 100;
/** The same for new ones while clients wait somewhere: they find what has been written. */
export const PROMPT_MS = 5;
/** ms between two looks for those that clients have got who have waited. */
const AT_ONCE_MS = 1;
/** Bindings that are gathered at once: more clients than a balancer gets in that time, but for one that has just been joined to others. */
const MOST_AT_ONCE = 5_000;
/**
 * ms after a balancer has read what the others had written, in which it may not know of all. In a store that has been emptied there is
 * nothing at first: each of the others finds that out when it can speak to it again, and has written everything a few seconds later.
 */
const NEWCOMER_MS = 10_000;

/** The balancer's own bindings, of the pools that share them. */
export interface BindingBook {
  /** What others have bound may not be known here yet: what is bound here meanwhile gives way to it, whenever that was bound. */
  isNewcomer: boolean;
  /** What is new, and what has been used since others were told of it. `elapsed`: ms since that was asked last. */
  take(elapsed: number, most: number): readonly Outlived[];
  /** Another balancer has these: gives how many of them are in force here now. null: the target is not known here, or its pool. */
  heed(there: BoundThere): number | null;
  /** What others have bound is to be taken as well, where this balancer is the client's heir. */
  inherit(isHeir: IsHeir): void;
}

export interface SharedBindingsOptions {
  readonly book: BindingBook;
  readonly lookers: Lookers;
  readonly clock: Clock;
  /** ms since 1970. */
  readonly wallClock: () => number;
  readonly onWarning: (message: string) => void;
  /** Bindings that are written down at most. */
  readonly most?: number;
}

export class SharedBindings implements Part {
  readonly kind = "bindings";
  onDue: () => void = () => undefined;
  /** Bindings that others were told of, and that were taken from others. */
  readonly counts = { written: 0, taken: 0 };
  readonly readings: Readings;
  readonly #options: SharedBindingsOptions;
  readonly #log: BindingLog;
  readonly #reader: BindingReader;
  readonly #homeless = new Homeless((there) => this.#heed(there));
  #heirs: Heirs | null = null;
  #lookedAt = 0;
  /** When all was read that others had written, for the first time. */
  #readAt = Number.POSITIVE_INFINITY;
  /** A turn has been asked for. While the store cannot be asked, that is once, and the group's own pace is enough. */
  #isAwaited = false;
  #cancel: Cancel = () => undefined;
  /** The last one. */
  #turn: Turn | null = null;
  readonly #writing = new Turns();
  readonly #reading = new Turns();
  #isWriting = false;
  /** Nothing is written at once, since that failed last: it would be tried again every few ms. The group's own turns are to have done it before. */
  #isRefused = false;
  #isOver = false;

  constructor(options: SharedBindingsOptions) {
    this.#options = options;
    this.#log = new BindingLog(options.most);
    this.#reader = new BindingReader({ ...options, interval: GATHER_MS, take: (there) => this.#take(there) });
    this.readings = new Readings({ ...options, read: () => this.#readAll() });
    options.lookers.onServed = () => this.#served();
  }

  begin(): void {
    this.#lookedAt = this.#options.clock.now();
    this.#gatherIn(GATHER_MS);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    this.readings.end();
  }

  stale(_asks?: boolean, by?: string): void {
    this.#reader.stale(by);
    if (by === undefined) this.#log.flush();
  }

  forgotten(): void {
    this.#log.forgotten();
  }

  /** Targets have come: bindings to them may have waited. */
  offered(): void {
    this.#reader.offered();
    this.#homeless.look();
  }

  /** What the store does not take is no reason not to read what it has. */
  async share(turn: Turn): Promise<void> {
    this.#turn = turn;
    this.#inherit(turn);
    const refused = await this.#exchange(turn).catch((error: unknown) => {
      this.readings.reached(false);
      throw error;
    });
    if (!this.#reader.isBehind) {
      this.#readAt = Math.min(this.#readAt, this.#options.clock.now());
      this.readings.reached(true);
    }
    if (refused !== null) throw refused;
    this.#isRefused = false;
    this.#isAwaited = false;
  }

  /** Gives why nothing was written; null: that was done, or there was nothing. */
  async #exchange(turn: Turn): Promise<HarmonyError | null> {
    const refused = await refusalIn(() => this.#writing.take(() => this.#write(turn)));
    await this.#reading.take(() => this.#reader.read(turn));
    this.#homeless.look();
    return refused;
  }

  /** What they are bound to is written at once, but not by each thread alone that has some. */
  #served(): void {
    if (this.#isOver) return;
    if (this.#options.clock.now() >= this.#lookedAt + AT_ONCE_MS) this.#gather(true);
    else this.#gatherIn(AT_ONCE_MS);
  }

  #gatherIn(ms: number): void {
    this.#cancel();
    if (this.#isOver) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      const isPrompt = this.readings.look();
      this.#gatherIn(isPrompt ? PROMPT_MS : GATHER_MS);
      this.#gather(isPrompt);
    });
  }

  #gather(isWanted: boolean): void {
    const { book, clock, wallClock } = this.#options;
    const now = clock.now();
    book.isNewcomer = now < this.#readAt + NEWCOMER_MS;
    const bindings = book.take(now - this.#lookedAt, MOST_AT_ONCE);
    this.#lookedAt = now;
    this.#log.add(bindings, wallClock());
    const isPrompt = isWanted && !this.#isRefused;
    if (isPrompt) void this.#writePromptly();
    const isDue = this.#reader.isDue || (this.#log.isDue && !isPrompt);
    if (this.#isAwaited || !isDue) return;
    this.#isAwaited = true;
    this.onDue();
  }

  #inherit({ id, members }: Turn): void {
    const now = this.#options.clock.now();
    this.#heirs ??= new Heirs(id, NEWCOMER_MS);
    if (this.#heirs.look(members, now)) this.#options.book.inherit(this.#heirs.test(members, now));
  }

  /** The group's turns are further apart. What fails here is tried again there. */
  async #writePromptly(): Promise<void> {
    const turn = this.#turn;
    if (turn === null || this.#isWriting) return;
    this.#isWriting = true;
    while (!this.#isRefused && this.#log.isDue) {
      await this.#writing
        .take(() => this.#write(turn))
        .catch(() => {
          this.#isRefused = true;
        });
    }
    this.#isWriting = false;
  }

  async #readAll(): Promise<boolean> {
    const turn = this.#turn!; // clients wait only once there was one
    const isWhole = await this.#reading.take(() => this.#reader.readAll(turn));
    this.#homeless.look();
    return isWhole;
  }

  async #write({ store, id, hint }: Turn): Promise<void> {
    const changes = this.#log.changes();
    if (changes === null) return;
    const before = await store.write(id, "bindings", changes, null, hint);
    this.counts.written += changes.bindings;
    this.#log.written(changes, before);
  }

  #take(there: BoundThere): void {
    if (!this.#heed(there)) this.#homeless.add(there);
  }

  #heed(there: BoundThere): boolean {
    const taken = this.#options.book.heed(there);
    this.counts.taken += taken ?? 0;
    return taken !== null;
  }
}
