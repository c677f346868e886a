/** What the portable engine keeps of a connection: one object, which is also the relay's Progress and the timeout list's item. */
import type { Connection, Progress, TcpAddress } from "../../net/runtime.ts";
import { clientKey } from "../../pool/client-key.ts";
import type { ClientKey } from "../../pool/pool.ts";
import { FREE, type Store } from "../../proxy/lifecycle.ts";
import { IN_QUEUE, UNDECIDED } from "../../proxy/outcome.ts";
import type { ClientSocket } from "../../proxy/unavailable-socket.ts";
import { Timed } from "./timeout-list.ts";

/** Shared by the many connections that never fail on a target; replaced, not changed, when one does. */
const NONE_TRIED: readonly number[] = [];

export class ProxiedConnection extends Timed<ProxiedConnection> implements Progress {
  readonly client: Connection;
  readonly remote: TcpAddress;
  readonly ticket: number;
  readonly startedAt: number;
  readonly acceptedAt: number;
  state = FREE;
  phase = IN_QUEUE;
  outcome = UNDECIDED;
  holds = 0;
  since = 0;
  waiter = -1;
  pass = 0;
  queuedMs = 0;
  connectMs = -1;
  row = -1;
  tried = NONE_TRIED;
  /** The last connect failure. */
  failure: unknown = null;
  /** Client → target, as `relay()` counts it. */
  aToB = 0;
  bToA = 0;
  toldIn = 0;
  toldOut = 0;
  movedAt = 0;
  /** The dial under way. */
  dialing: AbortController | null = null;
  /** The target, once connected. */
  target: Connection | null = null;
  /** The handler's view of the client, while it answers. */
  socket: ClientSocket | null = null;
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
}

/** The fields above in the words of the lifecycle, and the connections that are not over. */
export class ConnectionStore implements Store<ProxiedConnection, unknown> {
  readonly #open = new Map<number, ProxiedConnection>();
  /** One array for all connections: each use is over before the next begins. */
  readonly #key: ClientKey = new Uint32Array(4);

  add(c: ProxiedConnection): void {
    this.#open.set(c.ticket, c);
  }

  /** The connection that has this ticket, unless it is over. */
  byTicket(ticket: number): ProxiedConnection | undefined {
    return this.#open.get(ticket);
  }

  release(c: ProxiedConnection): void {
    this.#open.delete(c.ticket);
  }

  /** A map's iterator passes over what is deleted, and meets what is added, meanwhile. */
  each(visit: (c: ProxiedConnection) => void): void {
    for (const c of this.#open.values()) visit(c);
  }

  client = (c: ProxiedConnection) => c.remote;
  ticket = (c: ProxiedConnection) => c.ticket;
  clientKey = (c: ProxiedConnection) => clientKey(c.remote.host, this.#key);
  startedAt = (c: ProxiedConnection) => c.startedAt;
  acceptedAt = (c: ProxiedConnection) => c.acceptedAt;
  state = (c: ProxiedConnection) => c.state;
  phase = (c: ProxiedConnection) => c.phase;
  outcome = (c: ProxiedConnection) => c.outcome;
  holds = (c: ProxiedConnection) => c.holds;
  since = (c: ProxiedConnection) => c.since;
  waiter = (c: ProxiedConnection) => c.waiter;
  pass = (c: ProxiedConnection) => c.pass;
  queuedMs = (c: ProxiedConnection) => c.queuedMs;
  connectMs = (c: ProxiedConnection) => c.connectMs;
  row = (c: ProxiedConnection) => c.row;
  tried = (c: ProxiedConnection) => c.tried;
  requeues = (c: ProxiedConnection) => c.tried.length;
  movedIn = (c: ProxiedConnection) => c.aToB;
  movedOut = (c: ProxiedConnection) => c.bToA;
  movedAt = (c: ProxiedConnection) => c.movedAt;
  toldIn = (c: ProxiedConnection) => c.toldIn;
  toldOut = (c: ProxiedConnection) => c.toldOut;

  setState(c: ProxiedConnection, state: number): void {
    c.state = state;
  }

  setPhase(c: ProxiedConnection, phase: number): void {
    c.phase = phase;
  }

  setOutcome(c: ProxiedConnection, outcome: number): void {
    c.outcome = outcome;
  }

  setHolds(c: ProxiedConnection, bits: number): void {
    c.holds = bits;
  }

  setSince(c: ProxiedConnection, time: number): void {
    c.since = time;
  }

  setWaiter(c: ProxiedConnection, waiter: number): void {
    c.waiter = waiter;
  }

  setPass(c: ProxiedConnection, pass: number): void {
    c.pass = pass;
  }

  setQueuedMs(c: ProxiedConnection, ms: number): void {
    c.queuedMs = ms;
  }

  setConnectMs(c: ProxiedConnection, ms: number): void {
    c.connectMs = ms;
  }

  setRow(c: ProxiedConnection, row: number): void {
    c.row = row;
  }

  addTried(c: ProxiedConnection, row: number): void {
    c.tried = [...c.tried, row];
  }

  setFailure(c: ProxiedConnection, failure: unknown): void {
    c.failure = failure;
  }

  setMovedAt(c: ProxiedConnection, time: number): void {
    c.movedAt = time;
  }

  setTold(c: ProxiedConnection, bytesIn: number, bytesOut: number): void {
    c.toldIn = bytesIn;
    c.toldOut = bytesOut;
  }
}
