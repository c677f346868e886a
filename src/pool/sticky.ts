/**
 * Sticky bindings: client → row. A table of buckets with eight slots: the client's key decides on two of them, and a new binding
 * goes into the one with more room. When the bindings are as many as there may be, the least recently used one of the two buckets
 * goes. So memory is bounded, and a look-up costs the same at any load. Called with the lock held.
 *
 * The table grows with the bindings, bucket by bucket (Litwin's linear hashing), so that memory which no client needs is never
 * touched, and no growth holds the lock for long: the next bucket of a round is split into itself and a new one at the table's end.
 *
 * A binding is in use while its client has a connection open, to whichever target, and idle from the last close on. Connections
 * are counted per client, without a link from a connection to its binding: a client that lost its binding while it was in use (to
 * eviction or a repair) and got another has fewer counted than it has, and that one may count as idle too early.
 */
import type { ClientKey } from "../util/client-key.ts";
import { adoptAt, boundAnew, CONTESTED, type Elsewhere, type Moment, precedence, renew } from "./binding-precedence.ts";
import { BINDINGS, BUCKET_MASK, BUCKETS, EVICTIONS, LAST_BINDING, LAST_BINDING_RUN, NEWS, SHARING } from "./header.ts";
import { BINDING_WAYS, BUCKET_LOAD, type PoolLayout } from "./layout.ts";
import { hashClient } from "./sip-hash.ts";

/** Makes of a client's hash another one (odd, so that no two hashes become one). */
const OTHER_HASH = 0x2c1b3c6d;
/** Counts of new bindings have 31 bits. */
export const NEWS_MASK = 0x7fff_ffff;

export class Bindings {
  readonly #layout: PoolLayout;
  readonly #idle: number;
  readonly #most: number;
  readonly #key0: number;
  readonly #key1: number;

  /** The first slots of the two buckets of the client that was looked up last. */
  #first = 0;
  #second = 0;
  readonly #key = new Int32Array(4);

  /**
   * `idle`: ms after which a binding is forgotten; `most`: how many there may be. `seed` keys the placement, so that clients cannot
   * choose whose bucket they fill.
   */
  constructor(layout: PoolLayout, idle: number, most: number, seed: number) {
    this.#layout = layout;
    this.#idle = idle;
    this.#most = most;
    this.#key0 = seed | 0;
    this.#key1 = Math.floor(seed / 2 ** 32) | 0;
  }

  /** For the creator, when the table is new: there are no bindings. */
  clear(): void {
    const { header } = this.#layout;
    header[BUCKETS] = 1;
    header[BUCKET_MASK] = 0;
    header[BINDINGS] = 0;
    header[LAST_BINDING_RUN] = 0;
  }

  /** The slot of the client's binding; -1: it has none, or one that has expired. */
  find(client: ClientKey, now: number): number {
    const slot = this.#lookUp(client);
    return slot >= 0 && this.isLive(slot, now) ? slot : -1;
  }

  /** The row of the binding; -1: another identity has that row by now. */
  row(slot: number): number {
    const { bindingTargets, incarnation } = this.#layout;
    const row = bindingTargets[2 * slot]! - 1;
    return incarnation[row] === bindingTargets[2 * slot + 1] ? row : -1;
  }

  /** A connection of the binding's client has been opened. */
  open(slot: number): void {
    this.#layout.bindingOpen[slot]!++;
    this.#note(slot);
  }

  touch(slot: number, now: number): void {
    this.#layout.bindingUsedAt[slot] = now;
  }

  /** A connection of the client has ended. */
  close(client: ClientKey, now: number): void {
    const { header, bindingOpen, bindingSharedAt, bindingUsedAt } = this.#layout;
    const slot = this.find(client, now);
    if (slot < 0) return;
    if (bindingOpen[slot]! > 0) bindingOpen[slot]!--;
    bindingUsedAt[slot] = now;
    if (header[SHARING] !== 0 && bindingOpen[slot] === 0 && bindingSharedAt[slot] === CONTESTED) this.#tell(slot);
  }

  /** Whatever the client has open; it may be bound anew at once. */
  forget(client: ClientKey, row: number): void {
    const { header, bindingTargets } = this.#layout;
    const slot = this.#lookUp(client);
    if (slot < 0 || this.row(slot) !== row) return;
    bindingTargets[2 * slot] = 0;
    header[BINDINGS]!--;
  }

  /** Binds the client to the row, for a connection that is opened; a binding that it has is replaced. */
  bind(client: ClientKey, row: number, now: number): void {
    const { header, bindingKeys, bindingTargets, bindingUsedAt, bindingOpen, incarnation } = this.#layout;
    let slot = this.#lookUp(client);
    const isNew = slot < 0;
    if (isNew) {
      if (this.#mayGrow()) {
        this.#grow(now);
        this.#locate(client);
      }
      slot = this.#slotForNew(now);
      bindingOpen[slot] = 0;
    }
    bindingOpen[slot]!++;
    this.#note(slot);
    for (let i = 0; i < 4; i++) bindingKeys[4 * slot + i] = client[i]!;
    bindingTargets[2 * slot] = row + 1;
    bindingTargets[2 * slot + 1] = incarnation[row]!;
    bindingUsedAt[slot] = now;
    if (header[SHARING] !== 0) boundAnew(this.#layout, slot, isNew);
    this.#tell(slot);
  }

  /**
   * Another balancer has bound the client to the row. False: what is here goes before it, is in use, or is known to have been used later; or there
   * are as many as there may be, which were all used later.
   */
  adopt(client: ClientKey, row: number, there: Elsewhere, { now, stamp }: Moment): boolean {
    if (now - there.usedAt >= this.#idle) return false;
    const slot = this.#lookUp(client);
    if (slot < 0) return this.#adoptNew(client, row, there, now);
    if (this.#isGood(slot, now)) {
      if (this.row(slot) === row) return renew(this.#layout, slot, there, stamp);
      if (!this.#givesWay(slot, client, row, there, stamp)) return false;
    }
    adoptAt(this.#layout, slot, row, there);
    return true;
  }

  #adoptNew(client: ClientKey, row: number, there: Elsewhere, now: number): boolean {
    const { header, bindingKeys, bindingUsedAt, bindingOpen } = this.#layout;
    if (this.#mayGrow()) {
      this.#grow(now);
      this.#locate(client);
    }
    const victim = this.#worse(this.#victim(this.#first), this.#victim(this.#second));
    const isLater = victim < 0 || bindingOpen[victim]! > 0 || bindingUsedAt[victim]! >= there.usedAt;
    const isFull = header[BINDINGS]! >= this.#most;
    if (isFull && isLater && !(victim >= 0 && !this.#isGood(victim, now))) return false;
    const slot = this.#slotForNew(now);
    bindingOpen[slot] = 0;
    bindingUsedAt[slot] = there.usedAt;
    for (let i = 0; i < 4; i++) bindingKeys[4 * slot + i] = client[i]!;
    adoptAt(this.#layout, slot, row, there);
    return true;
  }

  /** False: the slot's binding goes before that, and whoever has said it is told so, once for each time; or it is in use, and gives way after that. */
  #givesWay(slot: number, client: ClientKey, row: number, { boundAt }: Elsewhere, stamp: number): boolean {
    const { bindingOpen, bindingSharedAt } = this.#layout;
    const ahead = precedence(this.#layout, slot, { row, boundAt }, { client, stamp });
    if (ahead < 0) this.#tell(slot);
    else if (ahead > 0 && bindingOpen[slot]! > 0) bindingSharedAt[slot] = CONTESTED;
    return ahead > 0 && bindingOpen[slot] === 0;
  }

  /** Other balancers know nothing of what is bound there. */
  #tell(slot: number): void {
    const { header, bindingNews, bindingSharedAt } = this.#layout;
    if (header[SHARING] === 0) return; // and memory that nobody needs is not touched
    bindingSharedAt[slot] = 0;
    bindingNews[header[NEWS]! & (bindingNews.length - 1)] = slot;
    header[NEWS] = (header[NEWS]! + 1) & NEWS_MASK;
  }

  /** What others know of it has moved with the binding. */
  #moveShared(from: number, to: number): void {
    const { header, bindingBoundAt, bindingSharedAt } = this.#layout;
    if (header[SHARING] === 0) return;
    bindingBoundAt[to] = bindingBoundAt[from]!;
    if (bindingSharedAt[from] === 0) this.#tell(to);
    else bindingSharedAt[to] = bindingSharedAt[from]!;
  }

  /** So that it can be seen that all connections come from one client: see Pool.loneClient. */
  #note(slot: number): void {
    const { header } = this.#layout;
    if (header[LAST_BINDING] === slot) header[LAST_BINDING_RUN]!++;
    else {
      header[LAST_BINDING] = slot;
      header[LAST_BINDING_RUN] = 0;
    }
  }

  /**
   * A worker has died, and which of the open connections were its own is not kept per binding: all bindings in use count as idle
   * from now on, which is the latest time that any of them knows. Clients that stay away for long lose theirs, none lasts for ever.
   */
  repair(): void {
    const { header, bindingOpen, bindingUsedAt, bindingTargets } = this.#layout;
    const end = header[BUCKETS]! * BINDING_WAYS;
    let now = 0;
    for (let slot = 0; slot < end; slot++) now = Math.max(now, bindingUsedAt[slot]!);
    let count = 0;
    for (let slot = 0; slot < end; slot++) {
      if (bindingTargets[2 * slot] !== 0) count++;
      if (bindingOpen[slot] === 0) continue;
      bindingOpen[slot] = 0;
      bindingUsedAt[slot] = now;
    }
    header[BINDINGS] = count; // which a binding that was being made or moved may have left wrong
  }

  /** Leaves the client's two buckets in #first and #second. */
  #lookUp(client: ClientKey): number {
    this.#locate(client);
    const slot = this.#inBucket(this.#first, client);
    return slot >= 0 || this.#first === this.#second ? slot : this.#inBucket(this.#second, client);
  }

  #inBucket(first: number, client: ClientKey): number {
    const { bindingKeys, bindingTargets } = this.#layout;
    const a = client[0]! | 0; // the keys are kept as signed words
    const b = client[1]! | 0;
    const c = client[2]! | 0;
    const d = client[3]! | 0;
    for (let slot = first; slot < first + BINDING_WAYS; slot++) {
      const at = 4 * slot;
      if (
        bindingKeys[at + 3] === d &&
        bindingKeys[at + 2] === c &&
        bindingKeys[at + 1] === b &&
        bindingKeys[at] === a &&
        bindingTargets[2 * slot] !== 0
      ) {
        return slot;
      }
    }
    return -1;
  }

  #locate(client: ArrayLike<number>): void {
    const hash = hashClient(client, this.#key0, this.#key1);
    this.#first = this.#bucketOf(hash);
    this.#second = this.#bucketOf(Math.imul(hash ^ (hash >>> 15), OTHER_HASH) >>> 0);
  }

  /** Its first slot. */
  #bucketOf(hash: number): number {
    const { header } = this.#layout;
    const mask = header[BUCKET_MASK]!;
    const bucket = hash & mask;
    return BINDING_WAYS * (bucket < header[BUCKETS]! ? bucket : bucket & (mask >>> 1));
  }

  /** A slot in the buckets that #locate() has left: of a binding that has expired, an empty one, or the victim's if there are as many as there may be. */
  #slotForNew(now: number): number {
    const { header } = this.#layout;
    const victim = this.#worse(this.#victim(this.#first), this.#victim(this.#second));
    if (victim >= 0 && !this.#isGood(victim, now)) return victim;
    const first = this.#emptySlots(this.#first);
    const second = this.#first === this.#second ? 0 : this.#emptySlots(this.#second);
    if (first + second > 0 && header[BINDINGS]! < this.#most) {
      header[BINDINGS]!++;
      return this.#emptySlot(first >= second ? this.#first : this.#second);
    }
    if (victim < 0) {
      header[BINDINGS]!++; // one too many: none of all those that there may be is in these two
      return this.#first;
    }
    header[EVICTIONS]!++;
    return victim;
  }

  #emptySlots(first: number): number {
    const { bindingTargets } = this.#layout;
    let count = 0;
    for (let slot = first; slot < first + BINDING_WAYS; slot++) if (bindingTargets[2 * slot] === 0) count++;
    return count;
  }

  #emptySlot(first: number): number {
    const { bindingTargets } = this.#layout;
    let slot = first;
    while (bindingTargets[2 * slot] !== 0) slot++;
    return slot;
  }

  /** The bucket's least recently used binding, those in use last; -1: it has none. */
  #victim(first: number): number {
    const { bindingTargets } = this.#layout;
    let victim = -1;
    for (let slot = first; slot < first + BINDING_WAYS; slot++) {
      if (bindingTargets[2 * slot] !== 0) victim = this.#worse(victim, slot);
    }
    return victim;
  }

  /** Which of two bindings is to go rather than the other; -1 is none. */
  #worse(a: number, b: number): number {
    if (a < 0 || b < 0) return Math.max(a, b);
    const { bindingUsedAt, bindingOpen } = this.#layout;
    const aInUse = bindingOpen[a]! > 0;
    if (aInUse !== bindingOpen[b]! > 0) return aInUse ? b : a;
    return bindingUsedAt[b]! < bindingUsedAt[a]! ? b : a;
  }

  #mayGrow(): boolean {
    const { header, bindingUsedAt } = this.#layout;
    const buckets = header[BUCKETS]!;
    return header[BINDINGS]! >= BUCKET_LOAD * buckets && buckets * BINDING_WAYS < bindingUsedAt.length;
  }

  /** One bucket more: it takes those of an older one's bindings whose hashes name it now. What has expired goes. */
  #grow(now: number): void {
    const { header, bindingTargets, bindingKeys } = this.#layout;
    const added = header[BUCKETS]!;
    if (added > header[BUCKET_MASK]!) header[BUCKET_MASK] = 2 * header[BUCKET_MASK]! + 1;
    header[BUCKETS] = added + 1;
    const source = BINDING_WAYS * (added & (header[BUCKET_MASK]! >>> 1));
    let free = BINDING_WAYS * added;
    for (let slot = source; slot < source + BINDING_WAYS; slot++) {
      if (bindingTargets[2 * slot] === 0) continue;
      if (!this.#isGood(slot, now)) {
        bindingTargets[2 * slot] = 0;
        header[BINDINGS]!--;
        continue;
      }
      for (let i = 0; i < 4; i++) this.#key[i] = bindingKeys[4 * slot + i]!;
      this.#locate(this.#key);
      if (this.#first !== source && this.#second !== source) this.#move(slot, free++);
    }
  }

  #move(from: number, to: number): void {
    const { bindingKeys, bindingTargets, bindingUsedAt, bindingOpen } = this.#layout;
    for (let i = 0; i < 4; i++) bindingKeys[4 * to + i] = bindingKeys[4 * from + i]!;
    bindingUsedAt[to] = bindingUsedAt[from]!;
    bindingOpen[to] = bindingOpen[from]!;
    bindingTargets[2 * to] = bindingTargets[2 * from]!;
    bindingTargets[2 * to + 1] = bindingTargets[2 * from + 1]!;
    bindingTargets[2 * from] = 0;
    this.#moveShared(from, to);
  }

  /** Its target is there, and it has not expired. */
  #isGood(slot: number, now: number): boolean {
    return this.row(slot) >= 0 && this.isLive(slot, now);
  }

  /** It has not expired. */
  isLive(slot: number, now: number): boolean {
    return this.#layout.bindingOpen[slot]! > 0 || now - this.#layout.bindingUsedAt[slot]! < this.#idle;
  }
}
