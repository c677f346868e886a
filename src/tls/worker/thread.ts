/** What a TLS thread does: its listeners, and its part of the bridge to targets. */
import { TLS_THREADS } from "../../edge/access/client-limits.ts";
import type { NodeConnection } from "../../net/node/connection.ts";
import { runtime } from "../../net/node/node.ts";
import type { Address, Listener } from "../../net/runtime.ts";
import type { Order, ThreadData } from "../orders.ts";
import { Bridge } from "./bridge.ts";
import { Clients } from "./clients.ts";
import { Connections } from "./connections.ts";
import { Refuser } from "./refuser.ts";
import { Room } from "./room.ts";

interface ThreadListener {
  readonly bound: Listener<Address>;
  readonly clients: Clients;
  /** ms */
  keepalive: number;
}

type Of<T extends Order["type"]> = Extract<Order, { readonly type: T }>;

export interface ThreadParts extends ThreadData {
  readonly warn: (message: string, cause?: unknown) => void;
}

export class Thread {
  readonly #parts: ThreadParts;
  readonly #connections = new Connections();
  readonly #refuser: Refuser;
  readonly #room: Room;
  readonly #listeners = new Map<number, ThreadListener>();
  readonly #bridge: Bridge;

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    this.#refuser = new Refuser(parts.threads);
    this.#room = new Room(parts.clients);
    this.#bridge = new Bridge(this.#connections, parts.warn);
  }

  /** Where it listens now, if it was ordered to. Rejects with NetError. */
  async carryOut(order: Order): Promise<Address | null> {
    switch (order.type) {
      case "listen":
        return this.#listen(order);
      case "change":
        this.#change(order);
        return null;
      case "serve":
        this.#listeners.get(order.listener)!.clients.serve(order.service);
        return null;
      case "stop":
        await this.#stop(order.listener);
        return null;
      case "bridge":
        return this.#bridge.open(order);
      case "terms":
        this.#bridge.setTerms(order.terms, order.tls);
        return null;
      case "finish":
        await this.#connections.finish(order.timeout);
        return null;
    }
  }

  async #listen({ keepalive, listener, shared, where }: Of<"listen">): Promise<Address> {
    const { index, warn } = this.#parts;
    const thread = TLS_THREADS + index;
    const clients = new Clients({
      thread,
      connections: this.#connections,
      refuser: this.#refuser,
      room: this.#room,
      warn,
    });
    const bound = await runtime.listenOn(
      where,
      { keepAlive: () => this.#listeners.get(listener)?.keepalive ?? keepalive, sharePort: shared },
      (connection) => clients.accept(connection as NodeConnection),
      (error) => warn("a listener with TLS cannot accept a connection", error),
    );
    this.#listeners.set(listener, { bound, clients, keepalive });
    return bound.address;
  }

  #change({ keepalive, listener, where }: Of<"change">): void {
    const entry = this.#listeners.get(listener)!;
    entry.keepalive = keepalive;
    if ("path" in where) entry.bound.change?.(where);
  }

  async #stop(listener: number): Promise<void> {
    const entry = this.#listeners.get(listener);
    if (entry === undefined) return;
    this.#listeners.delete(listener);
    await entry.bound.close();
    entry.clients.stop();
  }
}
