/** What the portable engine keeps of a connection: one object, which is also the relay's Progress and the timeout list's item. */
import { type NetCode, netCodeOf } from "../../net/net-error.ts";
import type { Connection, Progress, TcpAddress } from "../../net/runtime.ts";
import type { ClientKey } from "../../pool/pool.ts";
import { IN_QUEUE, UNDECIDED } from "../../proxy/outcome.ts";
import { CLIENT } from "../../proxy/record.ts";
import { ACCEPTED, ENDED } from "../../proxy/states.ts";
import type { Store } from "../../proxy/store.ts";
import type { ClientSocket } from "../../proxy/unavailable-socket.ts";
import { clientKey } from "../../util/client-key.ts";
import { Timed } from "./timeout-list.ts";

/** Shared by the many connections that never fail on a target; replaced, not changed, when one does. */
const NONE: readonly number[] = [];
const NO_CODES: readonly NetCode[] = [];

export class ProxiedConnection extends Timed<ProxiedConnection> implements Progress {
  readonly client: Connection;
  readonly remote: TcpAddress;
  readonly ticket: number;
  readonly startedAt: number;
  readonly acceptedAt: number;
  state: number = ACCEPTED;
  phase = IN_QUEUE;
  outcome = UNDECIDED;
  /** Of the pool: PERMIT, ROW. */
  held = 0;
  since = 0;
  endedAt = 0;
  waiter = -1;
  pass = 0;
  queuedMs = 0;
  connectMs = -1;
  row = -1;
  tried = NONE;
  triedIncarnations = NONE;
  /** Why each of them failed. */
  triedCodes = NO_CODES;
  /** The last connect failure. */
  failure: unknown = null;
  /** Client → target, as `relay()` counts it. */
  aToB = 0;
  bToA = 0;
  reportedIn = 0;
  reportedOut = 0;
  movedAt = 0;
  /** The dial under way. */
  dialing: AbortController | null = null;
  /** The target, once connected. */
  target: Connection | null = null;
  /** The end that stands while what the other one had sent is delivered to it. */
  survivor: Connection | null = null;
  /** Its `unsent` when last looked at. */
  unsent = 0;
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

  /** A map's iterator passes over what is deleted, and meets what is added, meanwhile. */
  each(visit: (c: ProxiedConnection) => void): void {
    for (const c of this.#open.values()) visit(c);
  }

  client = (c: ProxiedConnection) => c.remote;
  ticket = (c: ProxiedConnection) => c.ticket;
  clientKey = (c: ProxiedConnection) => clientKey(c.remote.host, this.#key);
  acceptedAt = (c: ProxiedConnection) => c.acceptedAt;
  state = (c: ProxiedConnection) => c.state;
  phase = (c: ProxiedConnection) => c.phase;
  outcome = (c: ProxiedConnection) => c.outcome;
  holds = (c: ProxiedConnection, what: number) => (c.held & what) !== 0;
  since = (c: ProxiedConnection) => c.since;
  waiter = (c: ProxiedConnection) => c.waiter;
  queuedMs = (c: ProxiedConnection) => c.queuedMs;
  connectMs = (c: ProxiedConnection) => c.connectMs;
  row = (c: ProxiedConnection) => c.row;
  tried = (c: ProxiedConnection) => c.tried;
  triedCode = (c: ProxiedConnection, nth: number) => c.triedCodes[nth]!;
  triedIncarnation = (c: ProxiedConnection, nth: number) => c.triedIncarnations[nth]!;
  bytes = (c: ProxiedConnection, from: number) => (from === CLIENT ? c.aToB : c.bToA);
  unreported = (c: ProxiedConnection, from: number) =>
    from === CLIENT ? c.aToB - c.reportedIn : c.bToA - c.reportedOut;
  movedAt = (c: ProxiedConnection) => c.movedAt;

  setState(c: ProxiedConnection, state: number): void {
    c.state = state;
  }

  setPhase(c: ProxiedConnection, phase: number): void {
    c.phase = phase;
  }

  setOutcome(c: ProxiedConnection, outcome: number): void {
    c.outcome = outcome;
  }

  end(c: ProxiedConnection, outcome: number, now: number): void {
    if (c.outcome === UNDECIDED) c.outcome = outcome;
    c.state = ENDED;
    c.endedAt = now;
    this.#open.delete(c.ticket);
  }

  addHold(c: ProxiedConnection, what: number): void {
    c.held |= what;
  }

  dropHold(c: ProxiedConnection, what: number): void {
    c.held &= ~what;
  }

  setSince(c: ProxiedConnection, time: number): void {
    c.since = time;
  }

  setWaiter(c: ProxiedConnection, waiter: number): void {
    c.waiter = waiter;
  }

  passOver(c: ProxiedConnection, pass: number): boolean {
    const first = c.pass !== pass;
    c.pass = pass;
    return first;
  }

  addQueuedMs(c: ProxiedConnection, ms: number): void {
    c.queuedMs += ms;
  }

  setConnectMs(c: ProxiedConnection, ms: number): void {
    c.connectMs = ms;
  }

  setRow(c: ProxiedConnection, row: number): void {
    c.row = row;
  }

  addTried(c: ProxiedConnection, row: number, incarnation: number, failure: unknown): void {
    c.tried = [...c.tried, row];
    c.triedIncarnations = [...c.triedIncarnations, incarnation];
    c.triedCodes = [...c.triedCodes, netCodeOf(failure)];
    c.failure = failure;
  }

  setMovedAt(c: ProxiedConnection, time: number): void {
    c.movedAt = time;
  }

  setReported(c: ProxiedConnection): void {
    c.reportedIn = c.aToB;
    c.reportedOut = c.bToA;
  }
}
