/** The services of listeners that ask clients for something, as the main thread has them: which numbers they have, and what workers are told. */
import { ClientLimits, MAIN_THREAD } from "../../../edge/access/client-limits.ts";
import { openEdge } from "../../../edge/edge.ts";
import { type Edge, NO_CLAIM } from "../../../edge/reception.ts";
import { type EdgeRules, readsHello } from "../../../edge/rules.ts";
import type { Pool } from "../../../pool/pool.ts";
import type { EdgeService } from "../../engine.ts";
import { type EdgeData, limitsThread, NO_POOL, type Order } from "../shared/orders.ts";
import { Numbered } from "./numbered.ts";

export class EdgeEntry {
  readonly number: number;
  readonly rules: EdgeRules;
  /** By the numbers of the routes; NO_POOL: none. */
  readonly pools: readonly number[];
  /** Its listener has another one, or is closed: no worker is given connections that came by it. */
  isRetired = false;
  #edge: Edge | null = null;

  constructor(number: number, { pools, rules }: EdgeService, numberOf: (pool: Pool) => number) {
    this.number = number;
    this.rules = rules;
    this.pools = pools.map((pool) => (pool === null ? NO_POOL : numberOf(pool)));
  }

  get data(): EdgeData {
    const { number, pools, rules } = this;
    return { number, pools, rules };
  }

  /** Gives back what a connection of a thread that has died held of the limits. */
  release(claim: number): void {
    if (claim === NO_CLAIM) return;
    const edge = this.#edge ?? openEdge(this.rules, MAIN_THREAD);
    this.#edge = edge;
    edge.release(claim);
  }
}

/** Whether more can be known of its clients than their addresses. */
export function tellsFacts(rules: EdgeRules): boolean {
  return rules.senders !== null || rules.secret !== null || readsHello(rules);
}

/** What they need of the engine. */
export interface EdgesHost {
  numberOf(pool: Pool): number;
  /** Has all workers do something. Settles when they have. */
  carryOut(order: Order): Promise<void>;
  /** All workers have room for what is known of clients from now on. */
  reserveFacts(): void;
}

export class Edges {
  readonly #host: EdgesHost;
  readonly #entries = new Numbered<EdgeEntry>();

  constructor(host: EdgesHost) {
    this.#host = host;
  }

  /** The workers are told of it. */
  open(service: EdgeService): EdgeEntry {
    const entry = this.#entries.add((number) => new EdgeEntry(number, service, this.#host.numberOf));
    if (tellsFacts(entry.rules)) this.#host.reserveFacts();
    void this.#host.carryOut({ type: "edge", edge: entry.data });
    return entry;
  }

  /**
   * Nobody comes by it from now on. Settles when nobody is asked anything by it any more: who is comes to `service` instead, as in
   * ListenerData; null: is reset. It is forgotten with the last connection that came by it, for which nobody waits.
   */
  async retire(entry: EdgeEntry, service: number | null): Promise<void> {
    const { number } = entry;
    entry.isRetired = true;
    await this.#host.carryOut({ type: "retire", edge: number, service });
    void this.#host.carryOut({ type: "forgetEdge", edge: number }).then(() => this.#entries.free(number));
  }

  get(number: number): EdgeEntry | undefined {
    return this.#entries.get(number);
  }

  /** A worker has died, perhaps while it held the lock of some limits. Before anything that it held is given back. */
  workerDied(worker: number): void {
    for (const { rules } of this.#entries) {
      if (rules.limits !== null) new ClientLimits(rules.limits, MAIN_THREAD).returnAll(limitsThread(worker));
    }
  }

  /** What a worker that starts is told. */
  get data(): EdgeData[] {
    return [...this.#entries].map(({ data }) => data);
  }
}
