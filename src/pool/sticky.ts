/**
 * Sticky bindings: client → row. A set-associative table: the client's key decides on a bucket, a bucket holds eight bindings,
 * and when it is full the least recently used one goes. So memory is bounded, and a look-up costs the same at any load. Called
 * with the lock held.
 *
 * A binding is in use while its client has a connection open, to whichever target, and idle from the last close on. Connections
 * are counted per client, without a link from a connection to its binding: a client that lost its binding while it was in use (to
 * eviction or a repair) and got another has fewer counted than it has, and that one may count as idle too early.
 */
import type { ClientKey } from "./client-key.ts";
import { BINDING_WAYS, type PoolLayout } from "./layout.ts";
import { hashClient } from "./sip-hash.ts";

export class Bindings {
  readonly #layout: PoolLayout;
  readonly #idle: number;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;

  /** `idle`: ms after which a binding is forgotten. `seed` keys the placement, so that clients cannot choose whose bucket they fill. */
  constructor(layout: PoolLayout, idle: number, seed: number) {
    this.#layout = layout;
    this.#idle = idle;
    this.#mask = layout.bindingUsedAt.length / BINDING_WAYS - 1;
    this.#key0 = seed | 0;
    this.#key1 = Math.floor(seed / 2 ** 32) | 0;
  }

  /** The slot of the client's binding; -1: it has none, or one that has expired. */
  find(client: ClientKey, now: number): number {
    const slot = this.#lookUp(client);
    return slot >= 0 && this.#live(slot, now) ? slot : -1;
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
  }

  touch(slot: number, now: number): void {
    this.#layout.bindingUsedAt[slot] = now;
  }

  /** A connection of the client has ended. */
  close(client: ClientKey, now: number): void {
    const { bindingOpen, bindingUsedAt } = this.#layout;
    const slot = this.find(client, now);
    if (slot < 0) return;
    if (bindingOpen[slot]! > 0) bindingOpen[slot]!--;
    bindingUsedAt[slot] = now;
  }

  /** Binds the client to the row, for a connection that is opened; a binding that it has is replaced. */
  bind(client: ClientKey, row: number, now: number): void {
    const { bindingKeys, bindingTargets, bindingUsedAt, bindingOpen, incarnation } = this.#layout;
    let slot = this.#lookUp(client);
    if (slot < 0) {
      slot = this.#victim(client);
      bindingOpen[slot] = 0;
    }
    bindingOpen[slot]!++;
    for (let i = 0; i < 4; i++) bindingKeys[4 * slot + i] = client[i]!;
    bindingTargets[2 * slot] = row + 1;
    bindingTargets[2 * slot + 1] = incarnation[row]!;
    bindingUsedAt[slot] = now;
  }

  /**
   * A worker has died, and which of the open connections were its own is not kept per binding: all bindings in use count as idle
   * from now on, which is the latest time that any of them knows. Clients that stay away for long lose theirs, none lasts for ever.
   */
  repair(): void {
    const { bindingOpen, bindingUsedAt } = this.#layout;
    let now = 0;
    for (const usedAt of bindingUsedAt) now = Math.max(now, usedAt);
    for (let slot = 0; slot < bindingOpen.length; slot++) {
      if (bindingOpen[slot] === 0) continue;
      bindingOpen[slot] = 0;
      bindingUsedAt[slot] = now;
    }
  }

  #lookUp(client: ClientKey): number {
    const { bindingKeys, bindingTargets } = this.#layout;
    const a = client[0]! | 0; // the keys are kept as signed words
    const b = client[1]! | 0;
    const c = client[2]! | 0;
    const d = client[3]! | 0;
    const first = this.#bucket(client);
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

  /** An empty slot of the client's bucket, or else the least recently used one, those in use last. */
  #victim(client: ClientKey): number {
    const { bindingTargets, bindingUsedAt, bindingOpen } = this.#layout;
    const first = this.#bucket(client);
    let oldest = first;
    for (let slot = first; slot < first + BINDING_WAYS; slot++) {
      if (bindingTargets[2 * slot] === 0) return slot;
      const inUse = bindingOpen[slot]! > 0;
      const oldestInUse = bindingOpen[oldest]! > 0;
      if (inUse === oldestInUse ? bindingUsedAt[slot]! < bindingUsedAt[oldest]! : oldestInUse) oldest = slot;
    }
    return oldest;
  }

  #bucket(client: ClientKey): number {
    return BINDING_WAYS * (hashClient(client, this.#key0, this.#key1) & this.#mask);
  }

  #live(slot: number, now: number): boolean {
    return this.#layout.bindingOpen[slot]! > 0 || now - this.#layout.bindingUsedAt[slot]! < this.#idle;
  }
}
