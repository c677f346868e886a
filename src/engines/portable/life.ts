import type { Connection, Progress, TcpAddress } from "../../net/runtime.ts";
import type { CloseRecord, EndCause, EndedBy, Phase, UnavailableReason } from "../../proxy/outcome.ts";
import type { ClientSocket } from "../../proxy/unavailable-socket.ts";
import { Timed } from "./timeout-list.ts";

/**
 * What a connection got: a target's row (it then holds a place, and counts on that target), or why it got none ("ended": its
 * client was lost while it waited) and then it holds no place.
 */
export type Turn = number | UnavailableReason | "ended";

/** Who ended a connection, and how. */
export interface Ending {
  readonly endedBy: EndedBy;
  readonly cause: EndCause;
}

export const CLIENT_LOST: Ending = { endedBy: "client", cause: "reset" };
export const IDLE: Ending = { endedBy: "balancer", cause: "idle" };
export const SHUTDOWN: Ending = { endedBy: "balancer", cause: "shutdown" };

/** Shared by the many connections that never fail on a target; replaced, not changed, when one does. */
const NONE_TRIED: readonly number[] = [];

/**
 * One accepted connection, from accept to its close record: the state that its course (course.ts), the queue (admission.ts)
 * and the sweep share. It is the relay's Progress itself, so that a connection is one object: `aToB` counts client → target.
 */
export class Life extends Timed<Life> implements Progress {
  readonly client: Connection;
  readonly remote: TcpAddress;
  /** Names it in the pool's queue. */
  readonly ticket: number;
  /** Unix time, ms. */
  readonly startedAt: number;
  /** On the engine's clock, like every time below. */
  readonly acceptedAt: number;
  phase: Phase = "queue";

  /** Set while it waits in the queue: continues it (admission.ts). */
  resume: ((turn: Turn) => void) | null = null;
  waiter = -1;
  waitsSince = 0;
  queuedMs = 0;

  /** Rows that failed for this connection. */
  tried: readonly number[] = NONE_TRIED;
  /** The last connect failure. */
  failure: unknown = null;
  /** Set while it connects. */
  connecting: AbortController | null = null;
  connectMs: number | null = null;

  row = -1;
  /** Identity, once connected. */
  target: string | null = null;
  aToB = 0;
  bToA = 0;
  /** How much of the two counts the pool has already been told. */
  countedIn = 0;
  countedOut = 0;
  /** When the counts were last seen to have grown. */
  movedAt = 0;

  /** The handler's view of it, while `unavailable` is a function that has it. */
  socket: ClientSocket | null = null;
  /** Set once by whoever ends it: its own course, the sweep, or the client's reset. */
  ending: Ending | null = null;
  /** Its client is being watched for a reset; once is enough. */
  watched = false;

  constructor(client: Connection, ticket: number, startedAt: number, acceptedAt: number) {
    super();
    this.client = client;
    this.remote = client.remote;
    this.ticket = ticket;
    this.startedAt = startedAt;
    this.acceptedAt = acceptedAt;
  }

  record(now: number): CloseRecord {
    const { endedBy, cause } = this.ending ?? CLIENT_LOST;
    return {
      client: this.remote,
      target: this.target,
      phase: this.phase,
      endedBy,
      cause,
      bytesIn: this.aToB,
      bytesOut: this.bToA,
      startedAt: this.startedAt,
      queuedMs: this.queuedMs,
      connectMs: this.connectMs,
      durationMs: now - this.acceptedAt,
      requeues: this.tried.length,
    };
  }
}
