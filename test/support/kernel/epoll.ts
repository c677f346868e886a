/**
 * Epoll as fs/eventpoll.c does it. A file's change puts its item on the ready list if the change concerns what the item waits
 * for; epoll_wait asks each item on the list what holds now, and reports it if anything does. So an edge-triggered item is
 * reported once per change (whatever holds then, not only what changed), and a level-triggered one goes back to the list's end.
 */
import { EBADF, EINVAL, ENOENT, EPOLLERR, EPOLLET, EPOLLHUP } from "../../../src/engines/linux/sys/abi.ts";
import { File, type Watcher } from "./file.ts";
import { EEXIST, EPOLL_PRIVATE_BITS, EPOLLONESHOT } from "./numbers.ts";
import type { Random } from "./random.ts";

/** What a test may do to the order and the size of a batch: nothing of it breaks what Linux promises. */
export interface EpollHabits {
  /** Probability that a batch is reported in any order. */
  shuffle: number;
  /** Probability that a batch ends early: the rest is reported by the next call. */
  cutShort: number;
  /** Probability, per call, that one item is reported although nothing changed. */
  spurious: number;
}

export class EpollItem implements Watcher {
  readonly file: File;
  readonly low: number;
  readonly high: number;
  events: number;
  /** It is on the ready list. */
  queued = false;
  removed = false;
  readonly #set: Epoll;

  constructor(set: Epoll, file: File, events: number, low: number, high: number) {
    this.#set = set;
    this.file = file;
    this.events = events | EPOLLERR | EPOLLHUP;
    this.low = low;
    this.high = high;
  }

  onWake(key: number): void {
    if ((this.events & ~EPOLL_PRIVATE_BITS) === 0) return; // spent, by EPOLLONESHOT
    if (key === 0 || (key & this.events) !== 0) this.#set.enqueue(this);
  }

  leave(): void {
    this.#set.remove(this.file);
  }

  /** What would be reported now. */
  holds(): number {
    return this.file.poll() & this.events & ~EPOLL_PRIVATE_BITS;
  }
}

export class Epoll extends File {
  readonly kind = "epoll";
  readonly #items = new Map<File, EpollItem>();
  readonly #random: Random;
  readonly #habits: EpollHabits;
  #ready: EpollItem[] = [];
  /** When a call that waits gives up; null while none waits. */
  waitsUntil: number | null = null;

  constructor(random: Random, habits: EpollHabits) {
    super();
    this.#random = random;
    this.#habits = habits;
  }

  poll(): number {
    return 0; // nobody nests epoll sets here
  }

  release(): void {
    for (const item of this.#items.values()) this.#discard(item);
    this.#items.clear();
    this.#ready = [];
  }

  get watched(): number {
    return this.#items.size;
  }

  add(file: File, events: number, low: number, high: number): number {
    if (file instanceof Epoll) return -EINVAL;
    if (this.#items.has(file)) return -EEXIST;
    const item = new EpollItem(this, file, events, low, high);
    this.#items.set(file, item);
    file.watch(item);
    if (item.holds() !== 0) this.enqueue(item);
    return 0;
  }

  modify(file: File, events: number, low: number, high: number): number {
    const old = this.#items.get(file);
    if (old === undefined) return -ENOENT;
    this.remove(file);
    return this.add(file, events, low, high);
  }

  remove(file: File): number {
    const item = this.#items.get(file);
    if (item === undefined) return -ENOENT;
    this.#items.delete(file);
    this.#discard(item);
    return 0;
  }

  enqueue(item: EpollItem): void {
    if (item.queued || item.removed) return;
    item.queued = true;
    this.#ready.push(item);
  }

  /** Whether a call has something to look at: as in Linux, that alone ends a sleep, and may turn out to be nothing. */
  get stirred(): boolean {
    return this.#ready.length > 0;
  }

  /** Hands out up to `capacity` events; returns how many. */
  collect(capacity: number, put: (item: EpollItem, events: number) => void): number {
    if (capacity <= 0) return -EINVAL;
    if (this.#habits.spurious > 0) this.#stir();
    const batch = this.#ready;
    if (batch.length === 0) return 0;
    if (this.#random.chance(this.#habits.shuffle)) this.#random.shuffle(batch);
    const limit = this.#random.chance(this.#habits.cutShort) ? this.#random.between(1, capacity) : capacity;
    this.#ready = [];
    const levelTriggered: EpollItem[] = [];
    let count = 0;
    let next = 0;
    for (; next < batch.length && count < limit; next++) {
      const item = batch[next]!;
      item.queued = false;
      if (item.removed) continue;
      const events = item.holds();
      if (events === 0) continue;
      put(item, events);
      count++;
      if (item.events & EPOLLONESHOT) item.events &= EPOLL_PRIVATE_BITS;
      else if ((item.events & EPOLLET) === 0) levelTriggered.push(item);
    }
    const rest = batch.slice(next);
    for (const item of levelTriggered) item.queued = true;
    this.#ready = rest.concat(this.#ready, levelTriggered);
    return count;
  }

  /** An edge that is none: Linux may report one at any time, and says so. */
  #stir(): void {
    if (!this.#random.chance(this.#habits.spurious)) return;
    const items = [...this.#items.values()];
    if (items.length > 0) this.enqueue(this.#random.pick(items));
  }

  #discard(item: EpollItem): void {
    item.removed = true;
    item.file.unwatch(item);
  }
}

export function asEpoll(file: File | undefined): Epoll | number {
  if (file === undefined) return -EBADF;
  return file instanceof Epoll ? file : -EINVAL;
}

/** A file that is closed leaves every epoll set that watches it; what was on a ready list for it is never reported. */
export function leaveSets(file: File): void {
  for (const watcher of [...file.watchers]) if (watcher instanceof EpollItem) watcher.leave();
}
