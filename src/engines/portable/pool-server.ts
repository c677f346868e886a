/** What the portable engine has of one pool: its connections, and who serves its queue. */
import type { Connection, Runtime } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import { Lifecycle } from "../../proxy/lifecycle.ts";
import { LOOK_MS } from "../../proxy/observer.ts";
import { type OpenConnection, openConnection } from "../../proxy/open.ts";
import type { RemovalCause } from "../../proxy/outcome.ts";
import { type Around, type CloseRecord, recordOf } from "../../proxy/record.ts";
import { removeFromTarget } from "../../proxy/removal.ts";
import { RELAYING } from "../../proxy/states.ts";
import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { WarningLog } from "../../util/rate-limited-log.ts";
import type { ServedPool } from "../engine.ts";
import type { AbortControllerPool } from "./abort-controller-pool.ts";
import { type Admission, ConnectionStore, ProxiedConnection } from "./connection.ts";
import { type PortableLifecycle, SocketIo } from "./socket-io.ts";

/** Tickets wrap here, long after the connection that had the number before has left the queue. */
const TICKET_MASK = 0x3fff_ffff;

/** What all pools of an engine share. */
export interface PoolServerParts {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly warnings: WarningLog;
  readonly controllers: AbortControllerPool;
  readonly onClose: (record: CloseRecord) => void;
  /** One of its connections is over. */
  readonly onEnded: () => void;
  /** No descriptor is left for another client. */
  readonly isFull: () => boolean;
}

export class PoolServer {
  readonly pool: Pool;
  /** The engine's for it, never another one's. */
  readonly number: number;
  readonly #parts: PoolServerParts;
  readonly #store = new ConnectionStore();
  readonly #io: SocketIo;
  readonly #lifecycle: PortableLifecycle;
  readonly #onFirstByte = (c: ProxiedConnection) => this.#lifecycle.observer.firstByte(c);
  #ticket = 0;
  #serving = false;
  #idle: Promise<void> | null = null;
  #announceIdle: (() => void) | null = null;

  constructor(served: ServedPool, number: number, parts: PoolServerParts) {
    this.pool = served.pool;
    this.number = number;
    this.#parts = parts;
    this.#io = new SocketIo(served, {
      ...parts,
      idOf: (c) => this.#idOf(c),
      onEnded: (c) => this.#ended(c),
      onTurn: () => this.turn(),
    });
    this.#lifecycle = new Lifecycle(served.pool, this.#store, this.#io, served);
    this.#io.lifecycle = this.#lifecycle;
  }

  /** Connections that are not over. */
  get open(): number {
    return this.#lifecycle.open;
  }

  get waiting(): number {
    return this.#lifecycle.waiting;
  }

  change(served: ServedPool): void {
    this.#lifecycle.options = served;
    this.#io.change(served);
  }

  /** `admission`: null where nothing was asked. */
  accept(client: Connection, admission: Admission | null, listener: string): void {
    this.#ticket = (this.#ticket + 1) & TICKET_MASK;
    const c = new ProxiedConnection(client, admission, listener, this.#ticket, this.#parts.clock, this.#onFirstByte);
    this.#store.add(c);
    this.#lifecycle.accepted(c);
    this.turn();
  }

  /** A waiter that is silent gives way to a newcomer, if there is one. */
  giveWay(): void {
    this.pool.giveWay();
    this.#tellLost();
  }

  /** After each event: what it has set free goes to those who wait, and the pool may be done with. */
  turn(): void {
    if (this.pool.lost > 0) this.#tellLost();
    if (this.#lifecycle.roomFreed && this.#lifecycle.waiting > 0) this.serveQueue();
    if (this.#isIdle) this.#announceIdle?.();
  }

  /** Continues those whose turn it is. Picks happen at once, so that the next grant sees the room they take. */
  serveQueue(): void {
    if (this.#serving) return;
    this.#serving = true;
    this.#lifecycle.beginPass();
    for (let grant = this.pool.grant(); grant !== null; grant = this.pool.grant()) {
      if (!this.#lifecycle.granted(this.#store.find(grant.ticket)!)) break;
    }
    this.#lifecycle.roomFreed = false; // what became free meanwhile was seen by the next grant()
    this.#serving = false;
  }

  lookedUp(): void {
    this.#lifecycle.lookedUp();
    this.turn();
  }

  *connections(): IterableIterator<OpenConnection> {
    for (const c of this.#store.all) {
      const now = this.#parts.clock.now();
      if (c.state === RELAYING) this.#io.noteBytes(c);
      yield openConnection(this.#store, c, this.#idOf(c), this.#around(c, now), now);
    }
  }

  /** False: there is no such connection. */
  end(ticket: number, cause: RemovalCause): boolean {
    const c = this.#store.find(ticket);
    if (c === null) return false;
    removeFromTarget({ pool: this.pool, store: this.#store, lifecycle: this.#lifecycle }, c, cause);
    this.turn();
    return true;
  }

  tick(now: number): void {
    this.#io.expireTimeouts(now);
    if (now >= this.#io.lookAt) this.#look(now);
    this.#abortDue();
    this.turn();
  }

  #look(now: number): void {
    const { observer } = this.#lifecycle;
    if (observer.isCurious) for (const c of this.#store.all) if (c.state === RELAYING) observer.heardFrom(c);
    this.#io.lookAt = observer.look() ? now + LOOK_MS : Number.POSITIVE_INFINITY;
    if (this.#lifecycle.waiting > 0) this.serveQueue(); // what is back may be what somebody waits for
  }

  /** Waiters, and those to come, are told "stopping"; what is served may go on for `timeout` ms. A later call may shorten that. */
  stop(timeout: number): void {
    this.#lifecycle.stop(timeout);
    this.#abortDue();
    this.turn();
  }

  /** Settles when nothing is open, and nothing under way, for the first time from now on. */
  whenIdle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    this.#idle ??= new Promise((resolve) => (this.#announceIdle = resolve));
    return this.#idle;
  }

  get #isIdle(): boolean {
    return this.#lifecycle.open === 0 && this.#io.pending === 0;
  }

  #abortDue(): void {
    if (this.#parts.clock.now() >= this.#lifecycle.abortAt) this.#lifecycle.abortDue();
  }

  /** Waiters that have lost their places to newcomers are told so. */
  #tellLost(): void {
    for (let ticket = this.pool.takeLost(); ticket >= 0; ticket = this.pool.takeLost()) {
      this.#lifecycle.lostPlace(this.#store.find(ticket)!, this.#parts.isFull());
    }
  }

  #around({ acceptedAt, admission, listener, startedAt }: ProxiedConnection, until: number): Around {
    const facts = admission?.facts ?? undefined;
    return { pool: this.pool, listener, facts, startedAt, durationMs: until - acceptedAt };
  }

  #idOf(c: ProxiedConnection): string {
    return `${this.number}.${c.ticket}`;
  }

  #ended(c: ProxiedConnection): void {
    c.admission?.edge?.release(c.admission.claim);
    this.#parts.onEnded();
    try {
      this.#parts.onClose(recordOf(this.#store, c, this.#around(c, c.endedAt)));
    } catch (error) {
      const text = `the listener for close records threw: ${messageOf(error)}`;
      this.#parts.warnings.tell("onClose", text, error);
    }
  }
}
