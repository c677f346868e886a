/**
 * The clients that limits are kept of, in shared memory: a table of buckets with sixteen slots, where a client's key decides on two of them.
 * So memory is bounded, and a look-up costs the same at any load. Called with the lock held (client-limits.ts).
 *
 * A client that has nothing open, and owes nothing to its rate, is as one that was never here: its slot is free for the next.
 */
import { hashClient } from "../../pool/sip-hash.ts";
import type { ClientKey } from "../../util/client-key.ts";

const WAYS = 16;
/** Makes of a client's hash another one (odd, so that no two hashes become one). */
const OTHER_HASH = 0x2c1b3c6d;

export class ClientTable {
  /** By slots: the connections that a client has open. */
  readonly open: Uint32Array;
  /** By slots: when a client that came at its rate, no faster, would come next (ms). The past: at any time. */
  readonly due: Float64Array;
  readonly #keys: Int32Array;
  readonly #mask: number;
  readonly #key0: number;
  readonly #key1: number;

  /** `slots`: a power of two, 16 at least. `seed0`, `seed1` key the placement, so that clients cannot choose whose bucket they fill. */
  constructor(buffer: SharedArrayBuffer, at: number, slots: number, seed0: number, seed1: number) {
    this.due = new Float64Array(buffer, at, slots);
    this.#keys = new Int32Array(buffer, at + 8 * slots, 4 * slots);
    this.open = new Uint32Array(buffer, at + 24 * slots, slots);
    this.#mask = slots / WAYS - 1;
    this.#key0 = seed0;
    this.#key1 = seed1;
  }

  static bytes(slots: number): number {
    return 28 * slots;
  }

  /**
   * The client's slot, or one that it gets; -1: all that it could have belong to clients with connections. Where there is none free, the
   * one goes of a client without connections that owes least, and what it owes is forgotten.
   */
  slotOf(client: ClientKey, now: number): number {
    const hash = hashClient(client, this.#key0, this.#key1);
    const first = WAYS * (hash & this.#mask);
    const second = WAYS * (Math.imul(hash ^ (hash >>> 15), OTHER_HASH) & this.#mask);
    let slot = this.#find(client, first);
    if (slot < 0) slot = this.#find(client, second);
    if (slot >= 0) return slot;
    slot = this.#free(first, second, now);
    if (slot < 0) return -1;
    this.due[slot] = 0;
    for (let i = 0; i < 4; i++) this.#keys[4 * slot + i] = client[i]!;
    return slot;
  }

  #find(client: ClientKey, first: number): number {
    const keys = this.#keys;
    const a = client[0]! | 0; // the keys are kept as signed words
    const b = client[1]! | 0;
    const c = client[2]! | 0;
    const d = client[3]! | 0;
    for (let slot = first; slot < first + WAYS; slot++) {
      const at = 4 * slot;
      if (keys[at + 3] === d && keys[at + 2] === c && keys[at + 1] === b && keys[at] === a) return slot;
    }
    return -1;
  }

  /** A slot for a newcomer; -1: all are of clients with connections. */
  #free(first: number, second: number, now: number): number {
    // Of the bucket with more room, so that all fill alike.
    const isFirst = this.#room(first, now) >= this.#room(second, now);
    const slot = this.#idlest(isFirst ? first : second);
    if (slot >= 0 && this.due[slot]! <= now) return slot;
    const otherSlot = this.#idlest(isFirst ? second : first);
    if (slot < 0 || otherSlot < 0) return Math.max(slot, otherSlot);
    return this.due[otherSlot]! < this.due[slot]! ? otherSlot : slot;
  }

  /** How many slots of a bucket are free. */
  #room(first: number, now: number): number {
    let room = 0;
    for (let slot = first; slot < first + WAYS; slot++) if (this.open[slot] === 0 && this.due[slot]! <= now) room++;
    return room;
  }

  /** Of a bucket's clients without connections the one that owes least; -1: it has none. */
  #idlest(first: number): number {
    let idlest = -1;
    for (let slot = first; slot < first + WAYS; slot++) {
      if (this.open[slot] === 0 && (idlest < 0 || this.due[slot]! < this.due[idlest]!)) idlest = slot;
    }
    return idlest;
  }
}
