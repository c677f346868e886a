/** What operators order holds at every balancer, and the newest order of a target holds. */
import * as z from "zod/mini";
import { moment, text, whole } from "../control/protocol/schema.ts";
import { MAX_FACTOR, MAX_ORDER_REASON, MOST_ORDERS, type Order } from "../targets/orders.ts";
import type { Part, Turn } from "./part.ts";
import { holdsOver } from "./stamped.ts";
import type { GroupStore, Stamped } from "./store.ts";
import { jsonOf } from "./word.ts";

const address = z.union([z.object({ host: text(100), port: whole(0, 65_535) }), z.object({ path: text(500) })]);
const Ordered = z.nullable(
  z.object({
    state: z.nullable(z.enum(["drain", "maintain"])),
    factor: z.nullable(z.number().check(z.minimum(0), z.maximum(MAX_FACTOR))),
    by: text(200),
    reason: z.nullable(text(MAX_ORDER_REASON)),
    at: moment,
    address,
  }),
);

/** What stands for an order that was taken back. */
const TAKEN_BACK = JSON.stringify(null);

/** The balancer's own. */
export interface OrderBook {
  all(): Iterable<readonly [name: string, order: Order]>;
  /** Another balancer's operator has ordered that. */
  heed(name: string, order: Order | null): void;
}

export class SharedOrders implements Part {
  readonly kind = "orders";
  onDue: () => void = () => undefined;
  readonly #book: OrderBook;
  /** By the target's name, the newest that is known, taken back ones as well. */
  readonly #known = new Map<string, Stamped>();
  /** Those that the store may not have. */
  readonly #unwritten = new Map<string, Stamped>();
  #isRead = false;

  constructor(book: OrderBook) {
    this.#book = book;
  }

  /** What is in force already is written where the others have nothing newer. */
  begin(): void {
    for (const [name, order] of this.#book.all()) this.#note(name, { text: JSON.stringify(order), at: order.at });
  }

  /** An operator of this balancer has ordered that. `now`: ms since 1970. */
  ordered(name: string, order: Order | null, now: number): void {
    const at = Math.max(order?.at ?? now, (this.#known.get(name)?.at ?? 0) + 1);
    this.#note(name, { text: JSON.stringify(order), at });
    this.onDue();
  }

  /** The store may have forgotten everything. */
  forgotten(): void {
    for (const [name, stamped] of this.#known) this.#unwritten.set(name, stamped);
  }

  stale(): void {
    this.#isRead = false;
  }

  async share({ store, hint }: Pick<Turn, "store" | "hint">): Promise<void> {
    if (this.#unwritten.size > 0) await this.#write(store, hint);
    if (this.#isRead) return;
    this.#isRead = true; // a hint that comes meanwhile may be of what is not in the answer
    await this.#read(store);
  }

  async #write(store: GroupStore, hint: string): Promise<void> {
    const values = new Map(this.#unwritten);
    await store.stamp("orders", values, hint);
    for (const [name, value] of values) if (this.#unwritten.get(name) === value) this.#unwritten.delete(name);
  }

  async #read(store: GroupStore): Promise<void> {
    for (const [name, stamped] of await store.readStamped("orders")) {
      const known = this.#known.get(name);
      if (known !== undefined && !holdsOver(stamped, known)) continue;
      if (known === undefined && !this.#hasRoom()) continue;
      const { data: order } = Ordered.safeParse(jsonOf(stamped.text));
      if (order === undefined) continue; // a later version's
      this.#known.set(name, stamped);
      this.#unwritten.delete(name);
      this.#book.heed(name, order);
    }
  }

  /** Orders that were taken back make room for others: the store has them still. */
  #hasRoom(): boolean {
    if (this.#known.size < MOST_ORDERS) return true;
    for (const [name, { text }] of this.#known)
      if (text === TAKEN_BACK && !this.#unwritten.has(name)) this.#known.delete(name);
    return this.#known.size < MOST_ORDERS;
  }

  #note(name: string, stamped: Stamped): void {
    this.#known.set(name, stamped);
    this.#unwritten.set(name, stamped);
  }
}
