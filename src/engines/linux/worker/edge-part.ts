/** What listeners ask of clients, in one worker thread: a service's rules, and how many connections have come by it. */
import { openEdge } from "../../../edge/edge.ts";
import type { Edge } from "../../../edge/reception.ts";
import { type EdgeData, limitsThread } from "../shared/orders.ts";

export class EdgePart {
  readonly number: number;
  readonly edge: Edge;
  /** ms for what is read of a client. */
  readonly prereadTimeout: number;
  /** As in EdgeData. */
  readonly pools: readonly number[];
  /** Connections that have come by it and are not over. */
  open = 0;
  /** Those of them that are being asked. */
  receiving = 0;

  constructor({ number, pools, rules }: EdgeData, worker: number) {
    this.number = number;
    this.edge = openEdge(rules, limitsThread(worker));
    this.prereadTimeout = rules.prereadTimeout;
    this.pools = pools;
  }
}
