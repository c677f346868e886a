/**
 * Sticky bindings: client address → row. A set-associative table: the address names a bucket, the bucket holds eight, and
 * when it is full the least recently used goes. So memory is bounded and a look-up costs the same at any load. Called
 * with the lock held.
 */
import { hashClient } from "./hash.ts";
import { BINDING_WAYS, type Memory } from "./table.ts";
import type { ClientKey } from "./types.ts";

export class Bindings {
  readonly #memory: Memory;
  readonly #idle: number;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;

  /** `idle`: ms after which a binding is forgotten. `seed` keys the placement, so that no stranger can fill a bucket of his choice. */
  constructor(memory: Memory, idle: number, seed: number) {
    this.#memory = memory;
    this.#idle = idle;
    this.#mask = memory.bindingUsedAt.length / BINDING_WAYS - 1;
    this.#key0 = seed | 0;
    this.#key1 = Math.floor(seed / 2 ** 32) | 0;
  }

  /** The slot of the client's live binding, or -1. */
  find(client: ClientKey, now: number): number {
    const slot = this.#lookUp(client);
    return slot >= 0 && this.#live(slot, now) ? slot : -1;
  }

  /** The row it is bound to, or -1 when another identity has the row by now. */
  row(slot: number): number {
    const { bindingTargets, incarnation } = this.#memory;
    const row = bindingTargets[2 * slot]! - 1;
    return incarnation[row] === bindingTargets[2 * slot + 1] ? row : -1;
  }

  touch(slot: number, now: number): void {
    this.#memory.bindingUsedAt[slot] = now;
  }

  /** Binds the client to the row, whatever it was bound to. */
  bind(client: ClientKey, row: number, now: number): void {
    const { bindingKeys, bindingTargets, bindingUsedAt, incarnation } = this.#memory;
    let slot = this.#lookUp(client);
    if (slot < 0) slot = this.#victim(client);
    for (let i = 0; i < 4; i++) bindingKeys[4 * slot + i] = client[i]!;
    bindingTargets[2 * slot] = row + 1;
    bindingTargets[2 * slot + 1] = incarnation[row]!;
    bindingUsedAt[slot] = now;
  }

  #lookUp(client: ClientKey): number {
    const { bindingKeys, bindingTargets } = this.#memory;
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

  /** An empty slot of the client's bucket, else the least recently used (which an expired one always is). */
  #victim(client: ClientKey): number {
    const { bindingTargets, bindingUsedAt } = this.#memory;
    const first = this.#bucket(client);
    let oldest = first;
    for (let slot = first; slot < first + BINDING_WAYS; slot++) {
      if (bindingTargets[2 * slot] === 0) return slot;
      if (bindingUsedAt[slot]! < bindingUsedAt[oldest]!) oldest = slot;
    }
    return oldest;
  }

  #bucket(client: ClientKey): number {
    return BINDING_WAYS * (hashClient(client, this.#key0, this.#key1) & this.#mask);
  }

  #live(slot: number, now: number): boolean {
    return now - this.#memory.bindingUsedAt[slot]! < this.#idle;
  }
}
