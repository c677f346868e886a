/** A listener of the portable engine: a socket of the runtime, and the pool that its clients are for. */
import { setImmediate } from "node:timers";
import type { Address, Connection, ListenAddress, Listener } from "../../net/runtime.ts";
import type { Pool } from "../../pool/pool.ts";
import type { Clock } from "../../util/clock.ts";
import type { BindOptions, EngineListener } from "../engine.ts";
import { RELEASE_MS } from "../predecessor.ts";
import type { PoolServer } from "./pool-server.ts";

/**
 * Turns of the event loop without a new connection after which the backlog is taken for empty, before the listener is closed: Deno does
 * not look for one in each turn.
 */
const QUIET_TURNS = 4;

/** The engine, as its listeners see it. */
export interface ListenerHost {
  readonly clock: Clock;
  serverOf(pool: Pool): PoolServer;
  /** Takes a place for a client of that pool, if there is one. */
  enter(server: PoolServer | null): boolean;
  /** Hands over a client that has its place. */
  serve(server: PoolServer, client: Connection): void;
  /** Gives back the place of a client that was not handed over. */
  leave(): void;
  closed(listener: PortableListener): void;
}

export class PortableListener implements EngineListener {
  readonly #host: ListenerHost;
  #listener: Listener<Address> | null = null;
  #server: PoolServer | null = null;
  /** Runtimes accept from the beginning: what comes before `serve()` waits here, as it would in the kernel. */
  readonly #held: Connection[] = [];
  /** Connections so far. */
  #accepted = 0;
  #closing: Promise<void> | null = null;

  #keepalive: number;

  constructor(host: ListenerHost, { keepalive }: BindOptions) {
    this.#host = host;
    this.#keepalive = keepalive;
  }

  /** ms, of what is accepted. */
  get keepalive(): number {
    return this.#keepalive;
  }

  /** Once it is bound. */
  set listener(listener: Listener<Address>) {
    this.#listener = listener;
  }

  get address(): Address {
    return this.#listener!.address;
  }

  serve(pool: Pool): Promise<void> {
    const server = this.#host.serverOf(pool);
    this.#server = server;
    for (const client of this.#held.splice(0)) this.#host.serve(server, client);
    return Promise.resolve();
  }

  change(where: ListenAddress, { keepalive }: BindOptions): void {
    if ("path" in where) this.#listener!.change?.(where);
    this.#keepalive = keepalive;
  }

  /** A connection has come. */
  take(client: Connection): void {
    this.#accepted++;
    if (!this.#host.enter(this.#server))
      client.abort(); // no runtime lets it wait in the kernel
    else if (this.#server === null) this.#held.push(client);
    else this.#host.serve(this.#server, client);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#server !== null) await this.#acceptRest();
    await this.#listener!.close();
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
