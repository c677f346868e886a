/** The open connections of a worker, which the main thread reads while the worker goes on. */
import { type OpenConnection, openConnection } from "../../../proxy/open.ts";
import { CLIENT } from "../../../proxy/record.ts";
import { connectionId, type NamedConnection } from "../shared/connection-id.ts";
import { isServed } from "../shared/early-states.ts";
import type { Mailbox } from "../shared/mailbox.ts";
import type { Slots } from "../shared/slots.ts";
import { aroundSlot, type Named } from "./records.ts";

/** One thread of a worker's number; another one begins with other slots. */
export interface Life {
  readonly index: number;
  readonly epoch: number;
  readonly mailbox: Mailbox;
  readonly slots: Slots;
  readonly named: Named;
  now(): number;
  /** Whether it still is the worker's. */
  isCurrent(): boolean;
}

export function* openConnections(life: Life): IterableIterator<OpenConnection> {
  for (let slot = 0; life.isCurrent() && slot < life.mailbox.span; slot++) {
    const connection = readSlot(life, slot);
    if (connection !== null) yield connection;
  }
}

/**
 * The worker may take the slot for another connection in between, and what was read is of both then. So it counts only if the
 * generation is the same before and after.
 */
function readSlot({ epoch, index, named, now: clock, slots }: Life, slot: number): OpenConnection | null {
  const generation = slots.generation(slot, CLIENT);
  if (!isServed(slots.state(slot))) return null;
  const pool = named.poolOf(slots.poolOf(slot));
  if (pool === undefined) return null; // the slot is new, and its words have not all come yet
  const now = clock();
  const around = aroundSlot(slots, slot, pool, named, now, now);
  const connection = openConnection(slots, slot, connectionId(index, epoch, slot, generation), around, now);
  return slots.isStill(slot, generation) ? connection : null;
}

/** Whether it is open. */
export function isOpen(life: Life, { epoch, at: [slot, generation] }: NamedConnection): boolean {
  const { slots, mailbox } = life;
  if (epoch !== life.epoch || !(slot >= 0 && slot < mailbox.span)) return false;
  return isServed(slots.state(slot)) && slots.isStill(slot, generation);
}
