/** Close records as the main thread reads them out of the slots. */
import type { Pool } from "../../../pool/pool.ts";
import { type Around, type CloseRecord, recordOf } from "../../../proxy/record.ts";
import { ENDED } from "../../../proxy/states.ts";
import type { Cancel, Clock } from "../../../util/clock.ts";
import type { Slots } from "../shared/slots.ts";

/** ms between two readings of records while there are any, so that busy workers do not wake this thread for each. */
const READ_MS = 25;

export interface TimedRecord {
  readonly endedAt: number;
  readonly record: CloseRecord;
}

/** What slots have numbers of. */
export interface Named {
  /** Until no worker and no record has anything to do with it any more. */
  poolOf(number: number): Pool | undefined;
  /** The address of that number, as text. */
  placeOf(number: number): string;
}

/** Where records come from: a worker's handle. */
interface Source {
  takeRecords(into: TimedRecord[]): void;
  readonly mailbox: { requestNotice(): boolean };
}

/** Delivers the records of all workers in the order in which the connections ended. */
export class RecordReader {
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #deliver: (record: CloseRecord) => void;
  #cancel: Cancel | null = null;

  constructor(sources: readonly Source[], clock: Clock, deliver: (record: CloseRecord) => void) {
    this.#sources = sources;
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** Reads now, and on for as long as there are records; then the workers are asked for a notice of the next. */
  read(): void {
    const found = this.#readOnce();
    if (this.#cancel === null && (found > 0 || this.#requestNotices())) this.#later();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #later(): void {
    this.#cancel = this.#clock.after(READ_MS, () => {
      this.#cancel = null;
      this.read();
    });
  }

  #readOnce(): number {
    const records: TimedRecord[] = [];
    for (const source of this.#sources) source.takeRecords(records);
    if (this.#sources.length > 1) records.sort((a, b) => a.endedAt - b.endedAt);
    for (const { record } of records) this.#deliver(record);
    return records.length;
  }

  /** True when there is something to read already. */
  #requestNotices(): boolean {
    let some = false;
    for (const source of this.#sources) some = source.mailbox.requestNotice() || some;
    return some;
  }
}

/** The record, at `now`, of a slot that has ended; of one that has not, as if its thread's death had ended it now. */
export function recordOfSlot(slots: Slots, slot: number, named: Named, now: number): TimedRecord {
  const endedAt = slots.state(slot) === ENDED ? slots.endedAt(slot) : now;
  const pool = named.poolOf(slots.poolOf(slot))!;
  return { endedAt, record: recordOf(slots, slot, aroundSlot(slots, slot, pool, named, now, endedAt)) };
}

/** `until`: as long as it lasts, or has lasted. */
export function aroundSlot(slots: Slots, slot: number, pool: Pool, named: Named, now: number, until: number): Around {
  const acceptedAt = slots.acceptedAt(slot);
  return {
    pool,
    listener: named.placeOf(slots.placeOf(slot)),
    facts: slots.factsOf(slot),
    startedAt: Date.now() - (now - acceptedAt),
    durationMs: until - acceptedAt,
  };
}
