/** What operators order holds at every balancer, and the newest order of a target holds. */
import * as z from "zod/mini";
import { moment, text, whole } from "../control/protocol/schema.ts";
import { MAX_FACTOR, MAX_ORDER_REASON, MOST_ORDERS, type Order } from "../targets/orders.ts";
import { isTargetName } from "./record.ts";
import { SharedStamps } from "./shared-stamps.ts";
import { jsonOf } from "./word.ts";

/**
 * That an order was taken back is kept for so long: a balancer that comes back after more, having been stopped or cut off all the time, puts in
 * force again what it has in its state file. A month is longer than anybody leaves one like that; a host that was off for longer is set up anew.
 */
const TAKEN_BACK_MS = 30 * 24 * 60 * 60_000;
/** As many as there may be in force; of more, the oldest go before their time. */
const MOST_TAKEN_BACK = MOST_ORDERS;

const address = z.union([z.object({ host: text(100), port: whole(0, 65_535) }), z.object({ path: text(500) })]);
const Ordered = z.object({
  state: z.nullable(z.enum(["drain", "maintain"])),
  factor: z.nullable(z.number().check(z.minimum(0), z.maximum(MAX_FACTOR))),
  by: text(200),
  reason: z.nullable(text(MAX_ORDER_REASON)),
  at: moment,
  address,
});
/** An order was taken back: by whom, and at which balancer. */
const TakenBack = z.object({ back: z.literal(true), by: text(200), where: text(200) });

/** By which one is known without being read. */
const BACK = '{"back":true,';

/** The balancer's own. */
export interface OrderBook {
  all(): Iterable<readonly [name: string, order: Order]>;
  /** Another balancer's operator has ordered that, or (null) taken it back. */
  heed(name: string, order: Order | null, by: string): void;
}

export class SharedOrders extends SharedStamps {
  readonly #book: OrderBook;
  readonly #where: () => string;

  /** `where`: what this balancer is called, for people. */
  constructor(book: OrderBook, where: () => string) {
    super({
      kind: "orders",
      section: "orders",
      most: MOST_ORDERS + MOST_TAKEN_BACK,
      isSpent: (text) => text.startsWith(BACK),
      spentMs: TAKEN_BACK_MS,
      mostSpent: MOST_TAKEN_BACK,
      heed: (name, text) => heed(book, name, text),
      // Kept with the time that the group knows, it does not come back as the newest when this balancer starts again.
      onRedated: (name, text, at) => heed(book, name, text, at),
    });
    this.#book = book;
    this.#where = where;
  }

  /** What is in force already is written where the others have nothing newer. */
  begin(): void {
    for (const [name, order] of this.#book.all()) this.keeps(name, JSON.stringify(order), order.at);
  }

  /** An operator of this balancer has ordered that, or (null) taken it back. `now`: ms since 1970. */
  ordered(name: string, order: Order | null, by: string, now: number): void {
    const back = { back: true, by: by.slice(0, 200) || "-", where: this.#where().slice(0, 200) || "-" };
    this.says(name, JSON.stringify(order ?? back), order?.at ?? now);
  }
}

/** `at`: when it was ordered, if that is not what it says. False: it is of a later version, or of no target. */
function heed(book: OrderBook, name: string, text: string, at?: number): boolean {
  if (!isTargetName(name)) return false;
  const found = jsonOf(text);
  const back = TakenBack.safeParse(found).data;
  if (back !== undefined) {
    book.heed(name, null, `${back.by} at ${back.where}`);
    return true;
  }
  const order = Ordered.safeParse(found).data;
  if (order === undefined) return false;
  book.heed(name, { ...order, at: at ?? order.at }, order.by);
  return true;
}
