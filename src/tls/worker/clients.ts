/** The clients of one listener, in one thread: until the engine has them. */
import { openEdge } from "../../edge/edge.ts";
import { MOST_IN_RECEPTION } from "../../edge/reception.ts";
import { refusalNumber } from "../../edge/refusals.ts";
import type { NodeConnection } from "../../net/node/connection.ts";
import { Termination } from "../../net/node/termination.ts";
import { CertificateNames } from "../certificate-names.ts";
import { TlsCounters } from "../counters.ts";
import type { ThreadService } from "../orders.ts";
import { ClientTask, type OpenService, type TaskParts } from "./client-task.ts";

const CROWDED = refusalNumber("crowded");

export class Clients {
  readonly #parts: TaskParts;
  #service: OpenService | null = null;
  /** Came before there was a service. */
  readonly #early: NodeConnection[] = [];
  /** Not with the engine yet, nor refused; in the order in which they came. */
  readonly #received = new Set<ClientTask>();
  /** Being turned away: whoever waits in the tarpit takes no place of those who are asked. */
  readonly #refused = new Set<ClientTask>();
  #isStopped = false;

  constructor(parts: TaskParts) {
    this.#parts = parts;
  }

  /** For those that come from now on. Throws NetError ETLS. */
  serve(service: ThreadService): void {
    const { counters, rules, tls } = service;
    const names = new CertificateNames(tls.certificates);
    this.#service = {
      ...service,
      edge: openEdge(rules, this.#parts.thread),
      termination: new Termination({ ...tls, choose: (name) => names.find(name) }),
      tlsCounters: new TlsCounters(counters),
    };
    for (const connection of this.#early.splice(0)) this.accept(connection);
  }

  /** Owns the connection. */
  accept(connection: NodeConnection): void {
    const service = this.#service;
    if (this.#isStopped) connection.abort();
    else if (service !== null) this.#receive(connection, service);
    else if (this.#early.length < MOST_IN_RECEPTION) this.#early.push(connection);
    else connection.abort();
  }

  /** Nobody is accepted any more, and those that are not with the engine yet are reset. */
  stop(): void {
    this.#isStopped = true;
    for (const connection of this.#early.splice(0)) connection.abort();
    for (const task of [...this.#received, ...this.#refused]) task.abort();
  }

  #receive(connection: NodeConnection, service: OpenService): void {
    const { room } = this.#parts;
    if (!this.#makeRoom(service)) {
      service.edge.refuse(CROWDED);
      connection.abort();
      return;
    }
    const task = new ClientTask(connection, service, this.#parts);
    this.#received.add(task);
    room.enter();
    task
      .run({
        onServed: () => this.#received.delete(task),
        onRefused: () => {
          this.#received.delete(task);
          this.#refused.add(task);
        },
      })
      .catch((error: unknown) => {
        this.#parts.warn("a client with TLS was dropped by a fault of the balancer", error);
        task.abort();
      })
      .finally(() => {
        this.#received.delete(task);
        this.#refused.delete(task);
        room.leave();
      });
  }

  /** Somebody gives way, if that is needed: first who is turned away anyway. False: all are served. */
  #makeRoom(service: OpenService): boolean {
    const { isFull } = this.#parts.room;
    if (!isFull && this.#received.size < MOST_IN_RECEPTION) return true;
    if (isFull && this.#refused.size > 0) {
      const [first] = this.#refused;
      this.#refused.delete(first!);
      first!.abort();
      return true;
    }
    if (this.#received.size === 0) return false;
    this.#giveUpOldest(service);
    return true;
  }

  /** Whoever is honest needs a round trip or two: of a crowd that says nothing, somebody has been here for longer. */
  #giveUpOldest({ edge }: OpenService): void {
    const [oldest] = this.#received;
    edge.refuse(CROWDED);
    this.#received.delete(oldest!);
    oldest!.abort();
  }
}
