/** What the portable engine has of one pool: its connections, and who serves its queue. */
import type { Connection, Runtime } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import { Lifecycle } from "../../proxy/lifecycle.ts";
import { type CloseRecord, recordOf } from "../../proxy/record.ts";
import type { Clock } from "../../util/clock.ts";
import { messageOf } from "../../util/errors.ts";
import type { WarningLog } from "../../util/rate-limited-log.ts";
import type { ServedPool } from "../engine.ts";
import type { AbortControllerPool } from "./abort-controller-pool.ts";
import { ConnectionStore, ProxiedConnection } from "./connection.ts";
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
  readonly #parts: PoolServerParts;
  readonly #store = new ConnectionStore();
  readonly #io: SocketIo;
  readonly #lifecycle: PortableLifecycle;
  #ticket = 0;
  #serving = false;
  #idle: Promise<void> | null = null;
  #announceIdle: (() => void) | null = null;

  constructor(served: ServedPool, parts: PoolServerParts) {
    this.pool = served.pool;
    this.#parts = parts;
    this.#io = new SocketIo(served, { ...parts, onEnded: (c) => this.#ended(c), onTurn: () => this.turn() });
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

  accept(client: Connection): void {
    this.#ticket = (this.#ticket + 1) & TICKET_MASK;
    const c = new ProxiedConnection(client, this.#ticket, Date.now(), this.#parts.clock.now());
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
      if (!this.#lifecycle.granted(this.#store.byTicket(grant.ticket)!)) break;
    }
    this.#lifecycle.roomFreed = false; // what became free meanwhile was seen by the next grant()
    this.#serving = false;
  }

  tick(now: number): void {
    this.#io.expireTimeouts(now);
    this.#abortDue();
    this.turn();
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
      this.#lifecycle.lostPlace(this.#store.byTicket(ticket)!, this.#parts.isFull());
    }
  }

  #ended(c: ProxiedConnection): void {
    this.#parts.onEnded();
    try {
      this.#parts.onClose(recordOf(this.#store, c, this.pool, c.startedAt, c.endedAt - c.acceptedAt));
    } catch (error) {
      const text = `the listener for close records threw: ${messageOf(error)}`;
      this.#parts.warnings.tell("onClose", text, error);
    }
  }
}
