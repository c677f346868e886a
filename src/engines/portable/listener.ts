/** A listener of the portable engine: a socket of the runtime, and the pool that its clients are for. */
import { setImmediate } from "node:timers";
import { MAIN_THREAD } from "../../edge/access/client-limits.ts";
import { openEdge } from "../../edge/edge.ts";
import type { Edge } from "../../edge/reception.ts";
import { refuseOptions } from "../../net/plain-sockets.ts";
import type { Address, Connection, ListenAddress, Listener } from "../../net/runtime.ts";
import { Pool } from "../../pool/pool.ts";
import { formatAddress } from "../../util/address.ts";
import type { Clock } from "../../util/clock.ts";
import type { BindOptions, EdgeService, EngineListener } from "../engine.ts";
import { RELEASE_MS } from "../predecessor.ts";
import type { Arrivals, Doorway } from "./arrivals.ts";
import type { Admission } from "./connection.ts";
import type { PoolServer } from "./pool-server.ts";

/**
 * Turns of the event loop without a new connection after which the backlog is taken for empty, before the listener is closed: Deno does
 * not look for one in each turn.
 */
const QUIET_TURNS = 4;

/** The engine, as its listeners see it. */
export interface ListenerHost {
  readonly clock: Clock;
  readonly arrivals: Arrivals;
  serverOf(pool: Pool): PoolServer;
  /** Takes a place for a client of that pool, if there is one. */
  enter(server: PoolServer | null): boolean;
  /** Hands over a client that has its place, and came at that listener. `admission`: null where nothing was asked. */
  serve(server: PoolServer, client: Connection, admission: Admission | null, listener: string): void;
  /** Gives back the place of a client that was not handed over. */
  leave(): void;
  closed(listener: PortableListener): void;
}

export class PortableListener implements EngineListener, Doorway {
  readonly #host: ListenerHost;
  #listener: Listener<Address> | null = null;
  readonly #shownAs: string | undefined;
  /** Its address as text. */
  #name = "";
  /** By the numbers of the routes, as in EdgeService. Empty: nothing is served yet. */
  #servers: readonly (PoolServer | null)[] = [];
  /** null: clients are asked nothing. */
  #edge: Edge | null = null;
  prereadTimeout = 0;
  /** Runtimes accept from the beginning: what comes before `serve()` waits here, as it would in the kernel. */
  readonly #held: Connection[] = [];
  /** Connections so far. */
  #accepted = 0;
  #closing: Promise<void> | null = null;

  #keepalive: number;

  constructor(host: ListenerHost, { keepalive, shownAs }: BindOptions) {
    this.#host = host;
    this.#keepalive = keepalive;
    this.#shownAs = shownAs;
  }

  /** ms, of what is accepted. */
  get keepalive(): number {
    return this.#keepalive;
  }

  /** Once it is bound. */
  set listener(listener: Listener<Address>) {
    this.#listener = listener;
    this.#name = this.#shownAs ?? formatAddress(listener.address);
  }

  get address(): Address {
    return this.#listener!.address;
  }

  serve(service: Pool | EdgeService): Promise<void> {
    const isPool = service instanceof Pool;
    this.#servers = (isPool ? [service] : service.pools).map((pool) => pool && this.#host.serverOf(pool));
    this.#edge = isPool ? null : openEdge(service.rules, MAIN_THREAD);
    this.prereadTimeout = isPool ? 0 : service.rules.prereadTimeout;
    this.#host.arrivals.change(this, this.#edge);
    for (const client of this.#held.splice(0)) {
      this.#host.leave();
      this.#admit(client);
    }
    return Promise.resolve();
  }

  change(where: ListenAddress, { keepalive, sockets }: BindOptions): void {
    refuseOptions("the portable engine", sockets);
    if ("path" in where) this.#listener!.change?.(where);
    this.#keepalive = keepalive;
  }

  /** A connection has come. */
  take(client: Connection): void {
    this.#accepted++;
    if (this.#servers.length > 0) this.#admit(client);
    else if (this.#host.enter(null)) this.#held.push(client);
    else client.abort();
  }

  admit(client: Connection, route: number, admission: Admission): boolean {
    const server = this.#servers[route] ?? null;
    if (server !== null) this.#host.serve(server, client, admission, this.#name);
    return server !== null;
  }

  #admit(client: Connection): void {
    const server = this.#servers[0]!; // where nothing is asked, there is one
    if (this.#edge !== null) this.#host.arrivals.take(client, this, this.#edge);
    else if (this.#host.enter(server)) this.#host.serve(server, client, null, this.#name);
    else client.abort(); // no runtime lets it wait in the kernel
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#servers.length > 0) await this.#acceptRest();
    await this.#listener!.close();
    this.#host.arrivals.close(this);
    for (const client of this.#held.splice(0)) {
      client.abort();
      this.#host.leave();
    }
    this.#host.closed(this);
  }

  /**
   * Closing a listener resets what its backlog holds, so it comes once the backlog seems to be empty; or after RELEASE_MS, where
   * connections come faster than they are taken.
   */
  async #acceptRest(): Promise<void> {
    const deadline = this.#host.clock.now() + RELEASE_MS;
    let quiet = 0;
    for (let seen = this.#accepted; quiet < QUIET_TURNS && this.#host.clock.now() < deadline; seen = this.#accepted) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = seen === this.#accepted ? quiet + 1 : 0;
    }
  }
}
