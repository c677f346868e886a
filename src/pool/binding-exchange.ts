/**
 * Sticky bindings as other balancers are told of them, and as those tell of theirs. For the creator's thread.
 *
 * Threads note the slot of what they bind in a ring, a word more with the lock held, and only while somebody is to be told. All else is found
 * by a walk through the table, some buckets at a time, which compares when a binding was used with what the others know of that: those that
 * are in use for long, those that did not fit into the ring, and those that another balancer had before.
 */
import type { ClientKey } from "../util/client-key.ts";
import { BUCKETS, NEWS, SHARING } from "./header.ts";
import { BINDING_WAYS } from "./layout.ts";
import type { PoolParts } from "./parts.ts";
import { NEWS_MASK, sharedTime } from "./sticky.ts";

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
}

export class BindingExchange {
  readonly #parts: () => PoolParts;
  /** Of the ring, what has been looked at. */
  #seen = 0;
  #bucket = 0;
  /** Buckets that are due to be walked through. */
  #due = 0;

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
    if (!isOn) layout.bindingSharedAt.fill(0, 0, layout.header[BUCKETS]! * BINDING_WAYS);
  }

  /** What others are to be told of; `elapsed`: ms since the last look. Those that are given count as told. */
  take(now: number, elapsed: number, most: number): OwnBinding[] {
    const found: OwnBinding[] = [];
    const { bindings, handle } = this.#parts();
    if (bindings === null) return found;
    const renewal = handle.options.persistent! / RENEWALS;
    this.#takeNews(now, most, found);
    this.#walk(now, elapsed, renewal, most, found);
    return found;
  }

  /** False: what is here is newer, or in use, or the row has no target. */
  adopt(client: ClientKey, row: number, usedAt: number, now: number): boolean {
    const { lock } = this.#parts();
    lock.take();
    try {
      return this.#parts().bindings?.adopt(client, row, usedAt, now) ?? false; // the lock may have come with others
    } finally {
      lock.free();
    }
  }

  #takeNews(now: number, most: number, found: OwnBinding[]): void {
    const { layout } = this.#parts();
    const { header, bindingNews } = layout;
    const end = header[NEWS]!;
    const size = bindingNews.length;
    if (((end - this.#seen) & NEWS_MASK) > size) this.#seen = (end - size) & NEWS_MASK;
    while (this.#seen !== end && found.length < most) {
      this.#look(bindingNews[this.#seen & (size - 1)]!, 1, now, Number.POSITIVE_INFINITY, found);
      this.#seen = (this.#seen + 1) & NEWS_MASK;
    }
  }

  #walk(now: number, elapsed: number, renewal: number, most: number, found: OwnBinding[]): void {
    const { header } = this.#parts().layout;
    const buckets = header[BUCKETS]!;
    this.#due = Math.min(MOST_BUCKETS, buckets, this.#due + (WALKS * buckets * elapsed) / renewal);
    for (; this.#due >= 1 && found.length < most; this.#due--) {
      if (this.#bucket >= buckets) this.#bucket = 0;
      this.#look(BINDING_WAYS * this.#bucket, BINDING_WAYS, now, renewal, found);
      this.#bucket++;
    }
  }

  /** Those of so many slots of which others do not know, or only that they were used `renewal` ms before they were. */
  #look(first: number, slots: number, now: number, renewal: number, found: OwnBinding[]): void {
    const { lock } = this.#parts();
    lock.take();
    try {
      const { bindings, layout } = this.#parts();
      const { bindingKeys, bindingOpen, bindingSharedAt, bindingTargets, bindingUsedAt } = layout;
      for (let slot = first; slot < first + slots; slot++) {
        if (bindingTargets[2 * slot] === 0 || !bindings!.isLive(slot, now)) continue;
        const row = bindings!.row(slot);
        const usedAt = bindingOpen[slot]! > 0 ? now : bindingUsedAt[slot]!;
        const known = bindingSharedAt[slot]!;
        if (row < 0 || (known !== 0 && sharedTime(usedAt) - Math.abs(known) < renewal)) continue;
        bindingSharedAt[slot] = sharedTime(usedAt);
        found.push({ client: Uint32Array.from(bindingKeys.subarray(4 * slot, 4 * slot + 4)), row, usedAt });
      }
    } finally {
      lock.free();
    }
  }
}
