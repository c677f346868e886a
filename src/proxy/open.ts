/** A connection that is not over, as an operator sees it. */
import type { ClientFacts } from "../edge/facts.ts";
import type { TcpAddress } from "../net/runtime.ts";
import { PHASES, type Phase } from "./outcome.ts";
import { type Around, CLIENT, firstByteMs, type RecordStore, TARGET } from "./record.ts";
import { isWaiting, ROW } from "./states.ts";

export interface OpenConnection {
  /** Names it to `Engine.end()` as long as it is open, and no other one of this process ever. */
  readonly id: string;
  readonly client: TcpAddress;
  readonly facts?: ClientFacts | undefined;
  /** As in its CloseRecord, like all that has a name of there. */
  readonly listener: string;
  readonly pool: string;
  /** The target that serves it, or that it is being connected to. */
  readonly target: string | null;
  readonly phase: Phase;
  readonly startedAt: number;
  /** On the engine's clock, ms: the same whenever it is looked at, which `startedAt` is but for a part of a millisecond. */
  readonly acceptedAt: number;
  /** ms since it was accepted. */
  readonly ageMs: number;
  /** ms since a byte moved; null when none has. The portable engine looks once a second. */
  readonly idleMs: number | null;
  /** Until now, if it waits. */
  readonly queuedMs: number;
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Targets that failed it. */
  readonly failed: number;
}

/** What it is made from, beside what a record is. */
export interface OpenStore<C> extends RecordStore<C> {
  state(c: C): number;
  acceptedAt(c: C): number;
  /** Whether it holds this of the pool: PERMIT or ROW. */
  holds(c: C, what: number): boolean;
  /** When the state at hand (QUEUED, LOOKING_UP, CONNECTING) began. */
  since(c: C): number;
  /** When a byte last moved. */
  movedAt(c: C): number;
}

/** At `now`, on the store's clock. */
export function openConnection<C>(
  store: OpenStore<C>,
  c: C,
  id: string,
  { pool, listener, facts, startedAt, durationMs }: Around,
  now: number,
): OpenConnection {
  const connectMs = store.connectMs(c);
  const bytesIn = store.bytes(c, CLIENT);
  const bytesOut = store.bytes(c, TARGET);
  return {
    id,
    client: store.client(c),
    ...(facts === undefined ? undefined : { facts }),
    listener,
    pool: pool.options.name,
    target: store.holds(c, ROW) ? pool.identity(store.row(c)) : null,
    phase: PHASES[store.phase(c)]!,
    startedAt,
    acceptedAt: store.acceptedAt(c),
    ageMs: durationMs,
    idleMs: bytesIn + bytesOut === 0 ? null : Math.max(0, now - store.movedAt(c)),
    queuedMs: store.queuedMs(c) + (isWaiting(store.state(c)) ? Math.max(0, now - store.since(c)) : 0),
    connectMs: connectMs >= 0 ? connectMs : null,
    firstByteMs: firstByteMs(store, c),
    bytesIn,
    bytesOut,
    failed: store.tried(c).length,
  };
}
