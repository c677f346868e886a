/**
 * A client has the same target at every balancer: each writes down the sticky bindings of its own clients, and takes what others write down
 * where the client has none here, or one that it was bound to earlier and that is not in use. Nobody waits for that.
 *
 * What one has made that is gone, its heirs write down (heirs.ts): so all that holds is somebody's who is there, and is written anew where the store has
 * forgotten everything.
 */
import { type Cancel, type Clock, every } from "../util/clock.ts";
import type { BoundThere } from "./binding-batch.ts";
import { BindingLog, type Outlived } from "./binding-log.ts";
import { BindingReader } from "./binding-reader.ts";
import { Heirs, type IsHeir } from "./heirs.ts";
import { Homeless } from "./homeless.ts";
import type { Part, Turn } from "./part.ts";
import { refusalIn } from "./refusal.ts";

/** ms for which new bindings are gathered, and between two looks at what one other balancer has written. */
export const GATHER_MS = 100;
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

  constructor(options: SharedBindingsOptions) {
    this.#options = options;
    this.#log = new BindingLog(options.most);
    this.#reader = new BindingReader({ ...options, interval: GATHER_MS, take: (there) => this.#take(there) });
  }

  begin(): void {
    const { clock } = this.#options;
    this.#lookedAt = clock.now();
    this.#cancel = every(clock, GATHER_MS, () => this.#gather());
  }

  async end(): Promise<void> {
    this.#cancel();
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
    this.#inherit(turn);
    const refused = await refusalIn(() => this.#write(turn));
    await this.#reader.read(turn);
    if (!this.#reader.isDue) this.#readAt = Math.min(this.#readAt, this.#options.clock.now());
    this.#homeless.look();
    if (refused !== null) throw refused;
    this.#isAwaited = false;
  }

  #gather(): void {
    const { book, clock, wallClock } = this.#options;
    const now = clock.now();
    book.isNewcomer = now < this.#readAt + NEWCOMER_MS;
    const bindings = book.take(now - this.#lookedAt, MOST_AT_ONCE);
    this.#lookedAt = now;
    this.#log.add(bindings, wallClock());
    if (this.#isAwaited || !(this.#log.isDue || this.#reader.isDue)) return;
    this.#isAwaited = true;
    this.onDue();
  }

  #inherit({ id, members }: Turn): void {
    const now = this.#options.clock.now();
    this.#heirs ??= new Heirs(id, NEWCOMER_MS);
    if (this.#heirs.look(members, now)) this.#options.book.inherit(this.#heirs.test(members, now));
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
