import { isWildcard } from "../../util/address.ts";
import { ACCEPT_BACKOFF } from "../adapter.ts";
import { type NetCode, type NetError, netError } from "../net-error.ts";
import type { Address, Listener, OnConnection } from "../runtime.ts";
import type { MemoryConnection } from "./connection.ts";

interface ListenerEvents {
  /** Asked before each accept: why it fails, if it does. */
  fault(): NetCode | undefined;
  onError(error: NetError): void;
  onClose(): void;
}

/** A listener of a network in memory, with its backlog. */
export class MemoryListener<A extends Address> implements Listener<A> {
  readonly address: A;
  readonly #wildcard: boolean;
  readonly #backlog: number;
  readonly #onConnection: OnConnection;
  readonly #events: ListenerEvents;
  readonly #pending: MemoryConnection[] = [];
  #waiters: (() => void)[] = [];
  #retry: ReturnType<typeof setTimeout> | null = null;
  #closed = false;

  constructor(address: A, backlog: number, onConnection: OnConnection, events: ListenerEvents) {
    this.address = address;
    this.#wildcard = "host" in address && isWildcard(address.host);
    this.#backlog = backlog;
    this.#onConnection = onConnection;
    this.#events = events;
  }

  overlaps(other: Address): boolean {
    return this.accepts(other) || ("host" in other && isWildcard(other.host) && this.#hasPort(other.port));
  }

  accepts(to: Address): boolean {
    if ("path" in to) return "path" in this.address && this.address.path === to.path;
    return this.#hasPort(to.port) && (this.#wildcard || ("host" in this.address && this.address.host === to.host));
  }

  #hasPort(port: number): boolean {
    return "port" in this.address && this.address.port === port;
  }

  /** Settles when the backlog has room; an attempt whose signal fires leaves none behind. */
  async room(signal: AbortSignal | undefined, doing: string): Promise<void> {
    while (!this.#closed && this.#pending.length >= this.#backlog) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    if (signal?.aborted) throw netError("EABORTED", doing);
    if (this.#closed) throw netError("ECONNREFUSED", doing);
  }

  enqueue(connection: MemoryConnection): void {
    this.#pending.push(connection);
    queueMicrotask(() => this.#handOver());
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#events.onClose();
      if (this.#retry !== null) clearTimeout(this.#retry);
      for (const connection of this.#pending.splice(0)) connection.abort();
      this.#wake();
    }
    return Promise.resolve();
  }

  #handOver(): void {
    if (this.#retry !== null) return;
    while (this.#pending.length > 0 && !this.#closed) {
      const code = this.#events.fault();
      if (code !== undefined) {
        this.#retry = setTimeout(() => {
          this.#retry = null;
          this.#handOver();
        }, ACCEPT_BACKOFF);
        this.#events.onError(netError(code, "cannot accept a connection"));
        return;
      }
      this.#onConnection(this.#pending.shift()!);
      this.#wake();
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const look of waiters) look();
  }
}
