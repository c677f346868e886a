/** Orders that have come, and have not been carried out; and the pools that they have told of. */
import type { EdgeData, PoolData, PostedOrder } from "../shared/orders.ts";

export class OrderBox {
  readonly #receive: () => PostedOrder | null;
  readonly #waiting: PostedOrder[] = [];
  /** By number: every pool that this thread may get connections for. */
  readonly pools = new Map<number, PoolData>();
  /** By number: every service by which this thread may get connections. */
  readonly edges = new Map<number, EdgeData>();
  /** Orders that have come. */
  received = 0;

  constructor(pools: readonly PoolData[], edges: readonly EdgeData[], receive: () => PostedOrder | null) {
    for (const pool of pools) this.pools.set(pool.number, pool);
    for (const edge of edges) this.edges.set(edge.number, edge);
    this.#receive = receive;
  }

  /** Takes in what was posted. What is said of a pool holds from here on, so that its memory is found by who is in the middle of something. */
  receive(): void {
    for (let posted = this.#receive(); posted !== null; posted = this.#receive()) {
      this.received++;
      if (posted.order.type === "pool") this.pools.set(posted.order.pool.number, posted.order.pool);
      else if (posted.order.type === "edge") this.edges.set(posted.order.edge.number, posted.order.edge);
      this.#waiting.push(posted);
    }
  }

  next(): PostedOrder | undefined {
    return this.#waiting.shift();
  }
}
