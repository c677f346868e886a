/** Close records as the main thread reads them out of the slots. */
import type { Pool } from "../../../pool/pool.ts";
import type { CloseRecord } from "../../../proxy/record.ts";
import { now } from "../shared/now.ts";
import {
  ACCEPTED_AT,
  ADDRESS,
  BY_BALANCER,
  CAUSES,
  CONNECT_MS,
  ENDED,
  ENDERS,
  IN_UNAVAILABLE,
  MOVED_IN,
  MOVED_OUT,
  OUTCOME,
  outcome,
  outcomeBy,
  outcomeCause,
  PHASE,
  PHASES,
  PORT,
  QUEUED_MS,
  REQUEUES,
  RESET,
  ROW,
  SINCE,
  type Slots,
  STARTED_AT,
  STATE,
  STRIDE,
} from "../shared/slots.ts";
import { formatWords } from "../sys/sockaddr.ts";

/** ms between two readings of records while there are any: so that busy workers do not wake this thread for each. */
const READ_MS = 25;

export interface TimedRecord {
  readonly endedAt: number;
  readonly record: CloseRecord;
}

/** Where records come from: a worker's host. */
interface Source {
  takeRecords(into: TimedRecord[]): void;
  readonly channel: { listen(): boolean };
}

/** Delivers the records of all workers in the order in which the connections ended. */
export class RecordReader {
  readonly #sources: readonly Source[];
  readonly #deliver: (record: CloseRecord) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sources: readonly Source[], deliver: (record: CloseRecord) => void) {
    this.#sources = sources;
    this.#deliver = deliver;
  }

  /** Reads now, and on for as long as there are records; then the workers are asked for word of the next. */
  read(): void {
    const found = this.#readOnce();
    if (this.#timer === undefined && (found > 0 || this.#listen())) this.#later();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #later(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.read();
    }, READ_MS);
  }

  #readOnce(): number {
    const records: TimedRecord[] = [];
    for (const source of this.#sources) source.takeRecords(records);
    if (this.#sources.length > 1) records.sort((a, b) => a.endedAt - b.endedAt);
    for (const { record } of records) this.#deliver(record);
    return records.length;
  }

  /** True when there is something to read already. */
  #listen(): boolean {
    let some = false;
    for (const source of this.#sources) some = source.channel.listen() || some;
    return some;
  }
}

/** The record of a slot that has ended; of one that has not, as if its thread's death had ended it now. */
export function recordOf(slots: Slots, slot: number, pool: Pool): CloseRecord {
  const { words, doubles, unsigned } = slots;
  const at = slot * STRIDE;
  const half = at >> 1;
  const ended = words[at + STATE] === ENDED;
  const packed = words[at + OUTCOME]! || outcome(BY_BALANCER, RESET);
  const connectMs = doubles[half + CONNECT_MS]!;
  const phase = words[at + PHASE]!;
  // What passes between a client and the handler of `unavailable` is no traffic of a target.
  const relayed = phase !== IN_UNAVAILABLE;
  return {
    client: { host: formatWords(unsigned, at + ADDRESS), port: words[at + PORT]! },
    target: connectMs >= 0 ? pool.identity(words[at + ROW]!) : null,
    phase: PHASES[phase]!,
    endedBy: ENDERS[outcomeBy(packed)]!,
    cause: CAUSES[outcomeCause(packed)]!,
    bytesIn: relayed ? doubles[half + MOVED_IN]! : 0,
    bytesOut: relayed ? doubles[half + MOVED_OUT]! : 0,
    startedAt: doubles[half + STARTED_AT]!,
    queuedMs: doubles[half + QUEUED_MS]!,
    connectMs: connectMs >= 0 ? connectMs : null,
    durationMs: ended ? doubles[half + SINCE]! : now() - doubles[half + ACCEPTED_AT]!,
    requeues: words[at + REQUEUES]!,
  };
}
