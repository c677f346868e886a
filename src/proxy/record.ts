/** The record of a connection, made once at its end. */
import type { ClientFacts } from "../edge/facts.ts";
import type { NetCode } from "../net/net-error.ts";
import type { TcpAddress } from "../net/runtime.ts";
import type { Pool } from "../pool/pool.ts";
import {
  BY_BALANCER,
  causeOf,
  type EndCause,
  type EndedBy,
  endedBy,
  outcome,
  PHASES,
  type Phase,
  RESET,
  UNDECIDED,
} from "./outcome.ts";

/** The two ends of a connection. A direction is named after the end it reads from. */
export const CLIENT = 0;
export const TARGET = 1;

/** A target that could not be connected to. */
export interface TriedTarget {
  /** null: it has left meanwhile, and its place had two others since. */
  readonly target: string | null;
  readonly code: NetCode;
}

/** One per accepted connection, at its end. */
export interface CloseRecord {
  readonly client: TcpAddress;
  /** Of a listener that asks clients for something; left out where it knows no more than the address. */
  readonly facts?: ClientFacts | undefined;
  /** The address where it came, as text: `0.0.0.0:3000`, `unix:/run/web.sock`. */
  readonly listener: string;
  /** The name of the pool that it was for. */
  readonly pool: string;
  /** Identity of the target that served it; null when none did, or its place had two others before this was made. */
  readonly target: string | null;
  readonly phase: Phase;
  readonly endedBy: EndedBy;
  readonly cause: EndCause;
  /** Bytes client → target and target → client. What answers in place of a target counts like one. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Unix time of accept, ms. */
  readonly startedAt: number;
  /** ms spent waiting in the queue, or for what other balancers know of the client. */
  readonly queuedMs: number;
  /** ms spent connecting to targets, with the attempts that failed and without the queue; null when none was connected. */
  readonly connectMs: number | null;
  /** ms from accept to the target's first byte; null when none came. */
  readonly firstByteMs: number | null;
  /** ms from accept to the end. */
  readonly durationMs: number;
  /** The targets that failed it, in order. */
  readonly tried: readonly TriedTarget[];
  /** How often it was given to another target after that: less than `tried` by one where none was left for it. */
  readonly requeues: number;
}

/** What a record is made from; `C` names a connection, as in lifecycle.ts. */
export interface RecordStore<C> {
  /** Where the client connected from. */
  client(c: C): TcpAddress;
  outcome(c: C): number;
  phase(c: C): number;
  row(c: C): number;
  /** SharedPool.incarnation() of the row when it was picked. */
  incarnation(c: C): number;
  /** Bytes read from that end; from what answers in place of a target, if there is none. */
  bytes(c: C, from: number): number;
  queuedMs(c: C): number;
  /** Negative when it never was connected. */
  connectMs(c: C): number;
  /** Negative until a byte has come for the client. What answers in place of a target counts here. */
  firstByteMs(c: C): number;
  /** The rows that failed it. A row is tried once, but for one that it has waited for since. */
  tried(c: C): readonly number[];
  /** Why the nth of them, from 0, did. */
  triedCode(c: C, nth: number): NetCode;
  /** SharedPool.incarnation() of its row at that time. */
  triedIncarnation(c: C, nth: number): number;
}

const NONE_TRIED: readonly TriedTarget[] = [];

/** What a store does not know of a connection, or not in these words. */
export interface Around {
  readonly pool: Pool;
  readonly listener: string;
  /** Left out where nothing is known but the client's address. */
  readonly facts?: ClientFacts | undefined;
  /** Unix time of accept, ms. */
  readonly startedAt: number;
  /** ms since then. */
  readonly durationMs: number;
}

export function recordOf<C>(
  store: RecordStore<C>,
  c: C,
  { pool, listener, facts, startedAt, durationMs }: Around,
): CloseRecord {
  // Undecided only when the thread that served it has died.
  const packed = store.outcome(c) === UNDECIDED ? outcome(BY_BALANCER, RESET) : store.outcome(c);
  const connectMs = store.connectMs(c);
  const rows = store.tried(c);
  return {
    client: store.client(c),
    ...(facts === undefined ? undefined : { facts }),
    listener,
    pool: pool.options.name,
    target: connectMs >= 0 ? pool.identityAt(store.row(c), store.incarnation(c)) : null,
    phase: PHASES[store.phase(c)]!,
    endedBy: endedBy(packed),
    cause: causeOf(packed),
    bytesIn: store.bytes(c, CLIENT),
    bytesOut: store.bytes(c, TARGET),
    startedAt,
    queuedMs: store.queuedMs(c),
    connectMs: connectMs >= 0 ? connectMs : null,
    firstByteMs: firstByteMs(store, c),
    durationMs,
    tried: rows.length === 0 ? NONE_TRIED : rows.map((row, nth) => triedTarget(store, c, row, nth, pool)),
    // The row it had last is that of the last failure unless it was given to another target after it, or to the same one, which took it.
    requeues: rows.length - (rows.length > 0 && connectMs < 0 && rows.at(-1) === store.row(c) ? 1 : 0),
  };
}

/** Of a target: what answers in its place does not count. */
export function firstByteMs<C>(store: RecordStore<C>, c: C): number | null {
  const ms = store.firstByteMs(c);
  return ms >= 0 && store.connectMs(c) >= 0 ? ms : null;
}

function triedTarget<C>(store: RecordStore<C>, c: C, row: number, nth: number, pool: Pool): TriedTarget {
  return { target: pool.identityAt(row, store.triedIncarnation(c, nth)), code: store.triedCode(c, nth) };
}
