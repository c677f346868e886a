/** The slots of one worker as the lifecycle sees them, with what no other thread looks at: tickets, and which slots are free. */

import type { SharedPool } from "../../../pool/pool.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { RELAYING } from "../../../proxy/states.ts";
import type { Store } from "../../../proxy/store.ts";
import { isServed } from "../shared/early-states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import { Slots } from "../shared/slots.ts";
import type { PoolPart } from "./pool-part.ts";

/** At most 2^20 slots, so that a ticket (slot, 7 bits of generation, 3 of epoch) and an event's low word (slot and end) stay below 2^30. */
export const MAX_SLOTS = 1 << 20;
const TICKET_GENERATIONS = 1 << 7;
const TICKET_EPOCHS = 1 << 3;

// States of a connection that a handler in the main thread answers, beside those of proxy/states.ts.
/** The way to the handler is being connected. */
export const BRIDGING = 6;
/** Client and handler are relayed. */
export const BRIDGED = 7;

/** Whether bytes are moved between its two ends. */
export function isRelayed(state: number): boolean {
  return state === RELAYING || state === BRIDGED;
}

export class SlotStore extends Slots implements Store<number, number> {
  readonly #parts: readonly (PoolPart | undefined)[];
  readonly #mailbox: Mailbox;
  /** Threads that had this thread's number before it, as far as a ticket tells. */
  readonly #epoch: number;
  readonly #free: number[] = [];
  #reclaimed = 0;
  /** Slots from here on have never been used. */
  #unused = 0;

  /** `parts`: the thread's pools, by number. */
  constructor(buffer: SharedArrayBuffer, parts: readonly (PoolPart | undefined)[], mailbox: Mailbox, epoch: number) {
    super(buffer);
    this.#parts = parts;
    this.#mailbox = mailbox;
    this.#epoch = epoch & (TICKET_EPOCHS - 1);
  }

  /** A slot that is not in use, or -1 while there is none. */
  take(): number {
    if (this.#free.length === 0) this.#reclaimed = this.#mailbox.reclaim(this.#reclaimed, this.#free);
    if (this.#free.length > 0) return this.#free.pop()!;
    if (this.#unused === this.capacity) return -1;
    this.#mailbox.span = this.#unused + 1;
    return this.#unused++;
  }

  /** Gives back a slot that was taken and has nothing to tell. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  ticket(slot: number): number {
    const generation = this.generation(slot, CLIENT) & (TICKET_GENERATIONS - 1);
    return (slot * TICKET_GENERATIONS + generation) * TICKET_EPOCHS + this.#epoch;
  }

  /** The slot of a ticket, or -1 when its connection is over. */
  slotOf(ticket: number): number {
    const slot = Math.floor(ticket / (TICKET_GENERATIONS * TICKET_EPOCHS));
    return slot < this.#unused && this.ticket(slot) === ticket ? slot : -1;
  }

  find(ticket: number): number | null {
    const slot = this.slotOf(ticket);
    return slot < 0 ? null : slot;
  }

  each(visit: (slot: number) => void, pool: SharedPool): void {
    for (let slot = 0; slot < this.#unused; slot++) {
      const state = this.state(slot);
      if (isServed(state) && this.#parts[this.poolOf(slot)]?.pool === pool) visit(slot);
    }
  }
}
