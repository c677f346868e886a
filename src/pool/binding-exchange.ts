/**
 * Sticky bindings as other balancers are told of them, and as those tell of theirs. For the creator's thread.
 *
 * Threads note the slot of what they bind in a ring, a word more with the lock held, and only while somebody is to be told. All else is found
 * by a walk through the table, some buckets at a time, which compares when a binding was used with what the others know of that: those that
 * are in use for long, those that did not fit into the ring, and those that another balancer had before. A second walk, at once, is for those of a
 * balancer that is gone: see inherit().
 */
import type { ClientKey } from "../util/client-key.ts";
import { boundAt, type Elsewhere, type Moment, sharedTime } from "./binding-precedence.ts";
import { BUCKETS, NEWS, SHARING } from "./header.ts";
import { BINDING_WAYS } from "./layout.ts";
import type { PoolParts } from "./parts.ts";
import { NEWS_MASK } from "./sticky.ts";

/**
 * A binding in use is told of again after a quarter of the time that it outlives its last use, and the walk takes half of that: the others
 * have it for more than half of the time at least.
 */
const RENEWALS = 4;
const WALKS = 2;
/** Buckets that a look goes through at most: about a millisecond. */
const MOST_BUCKETS = 1_000;

export interface OwnBinding {
  readonly client: ClientKey;
  readonly row: number;
  /** By the pool's time. */
  readonly usedAt: number;
  /** See binding-precedence.ts. */
  readonly boundAt: number;
}

/** Whether others are to be told of a binding that is used at `usedAt`, which they know to have been used at `known`: see `bindingSharedAt`. */
type IsDue = (known: number, usedAt: number, client: Int32Array) => boolean;

export class BindingExchange {
  readonly #parts: () => PoolParts;
  /** Of the ring, what has been looked at. */
  #seen = 0;
  #bucket = 0;
  /** Buckets that are due to be walked through. */
  #due = 0;
  /** Of a walk through those of balancers that are gone; null: there is none. */
  #isHeir: ((client: ArrayLike<number>) => boolean) | null = null;
  /** Buckets that it has been through. */
  #inherited = 0;

  constructor(parts: () => PoolParts) {
    this.#parts = parts;
  }

  /** Whether others are to be told. */
  get isOn(): boolean {
    return this.#parts().layout.header[SHARING] === 1;
  }

  set isOn(isOn: boolean) {
    const { layout, lock } = this.#parts();
    if (this.isOn === isOn) return;
    lock.take();
    layout.header[SHARING] = isOn ? 1 : 0;
    lock.free();
    this.#seen = layout.header[NEWS]!;
    // Nobody would keep up what is written there.
    if (isOn) return;
    for (const each of [layout.bindingSharedAt, layout.bindingBoundAt]) {
      each.fill(0, 0, layout.header[BUCKETS]! * BINDING_WAYS);
    }
  }

  /** Bindings of other balancers are told of as own ones where this one is the client's heir: nobody may be left who does. */
  inherit(isHeir: (client: ArrayLike<number>) => boolean): void {
    this.#isHeir = isHeir;
    this.#inherited = 0;
  }

  /** What others are to be told of; `elapsed`: ms since the last look. Those that are given count as told. */
  take(moment: Moment, elapsed: number, most: number): OwnBinding[] {
    const found: OwnBinding[] = [];
    const { bindings, handle } = this.#parts();
    if (bindings === null) return found;
    const renewal = handle.options.persistent! / RENEWALS;
    this.#takeNews(moment, most, found);
    this.#takeInherited(moment, most, found);
    this.#walk(moment, elapsed, renewal, most, found);
    return found;
  }

  /** False: what is here goes before it, is in use, or is known to have been used later, or the row has no target. */
  adopt(client: ClientKey, row: number, there: Elsewhere, moment: Moment): boolean {
    const { lock } = this.#parts();
    lock.take();
    try {
      return this.#parts().bindings?.adopt(client, row, there, moment) ?? false; // the lock may have come with others
    } finally {
      lock.free();
    }
  }

  #takeNews(moment: Moment, most: number, found: OwnBinding[]): void {
    const { layout } = this.#parts();
    const { header, bindingNews } = layout;
    const end = header[NEWS]!;
    const size = bindingNews.length;
    if (((end - this.#seen) & NEWS_MASK) > size) this.#seen = (end - size) & NEWS_MASK;
    while (this.#seen !== end && found.length < most) {
      this.#look(bindingNews[this.#seen & (size - 1)]!, 1, moment, isNews, found);
      this.#seen = (this.#seen + 1) & NEWS_MASK;
    }
  }

  /** Buckets that come while the table grows have what was in others that were before them. */
  #takeInherited(moment: Moment, most: number, found: OwnBinding[]): void {
    const isHeir = this.#isHeir;
    if (isHeir === null) return;
    const isDue: IsDue = (known, _, client) => known < 0 && isHeir(client);
    const buckets = this.#parts().layout.header[BUCKETS]!;
    const end = Math.min(buckets, this.#inherited + MOST_BUCKETS);
    for (; this.#inherited < end && found.length < most; this.#inherited++)
      this.#look(BINDING_WAYS * this.#inherited, BINDING_WAYS, moment, isDue, found);
    if (this.#inherited >= buckets) this.#isHeir = null;
  }

  #walk(moment: Moment, elapsed: number, renewal: number, most: number, found: OwnBinding[]): void {
    const { header } = this.#parts().layout;
    const buckets = header[BUCKETS]!;
    const isDue: IsDue = (known, usedAt) => known === 0 || sharedTime(usedAt) - Math.abs(known) >= renewal;
    this.#due = Math.min(MOST_BUCKETS, buckets, this.#due + (WALKS * buckets * elapsed) / renewal);
    for (; this.#due >= 1 && found.length < most; this.#due--) {
      if (this.#bucket >= buckets) this.#bucket = 0;
      this.#look(BINDING_WAYS * this.#bucket, BINDING_WAYS, moment, isDue, found);
      this.#bucket++;
    }
  }

  #look(first: number, slots: number, { now, stamp }: Moment, isDue: IsDue, found: OwnBinding[]): void {
    const { lock } = this.#parts();
    lock.take();
    try {
      const { bindings, layout } = this.#parts();
      const { bindingKeys, bindingOpen, bindingSharedAt, bindingTargets, bindingUsedAt } = layout;
      for (let slot = first; slot < first + slots; slot++) {
        if (bindingTargets[2 * slot] === 0 || !bindings!.isLive(slot, now)) continue;
        const row = bindings!.row(slot);
        const usedAt = bindingOpen[slot]! > 0 ? now : bindingUsedAt[slot]!;
        const client = bindingKeys.subarray(4 * slot, 4 * slot + 4);
        if (row < 0 || !isDue(bindingSharedAt[slot]!, usedAt, client)) continue;
        bindingSharedAt[slot] = sharedTime(usedAt);
        found.push({ client: Uint32Array.from(client), row, usedAt, boundAt: boundAt(layout, slot, stamp) });
      }
    } finally {
      lock.free();
    }
  }
}

const isNews: IsDue = (known) => known === 0;
