/**
 * What operators have ordered of targets. An order belongs to a target's name, whether the target is there or not: it is in force again when
 * the target comes back, until it is taken back.
 */
import type { Address } from "../net/runtime.ts";
import { MAX_WEIGHT } from "../pool/types.ts";
import { HarmonyError } from "../util/errors.ts";

export interface Order {
  /** `drain`: no new connections. `maintain`: the same, and it counts as down. */
  readonly state: "drain" | "maintain" | null;
  /** Its own weight is multiplied by this; null: as it is. */
  readonly factor: number | null;
  /** Whose order it is. */
  readonly by: string;
  readonly reason: string | null;
  /** ms since 1970. */
  readonly at: number;
  /** Where the target was when this was ordered. */
  readonly address: Address;
}

/** What is to change of an order; what is left out stays. */
export interface OrderChange {
  readonly state?: Order["state"] | undefined;
  readonly factor?: number | null | undefined;
  readonly reason?: string | undefined;
}

export const MAX_FACTOR = 100;
export const MAX_ORDER_REASON = 200;
/** It goes into lines of the log, where an end of a line would make two of one, and what turns the direction around would rewrite it. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
/** More than there are targets for an operator to give orders about, and some megabytes of a state file at most. */
export const MOST_ORDERS = 10_000;

/** What the order has it be, as far as that is less than its sources say. */
const SAID = { drain: "draining", maintain: "down" } as const;

export function saidByOrder(order: Order | null): "up" | "draining" | "down" {
  return order === null || order.state === null ? "up" : SAID[order.state];
}

/** In words: `drain, weight × 0.5: its disk is full`. */
export function orderText({ state, factor, reason }: Order): string {
  const words = [
    ...(state === null ? [] : [state === "drain" ? "drain" : "maintenance"]),
    ...(factor === null ? [] : [`weight × ${factor}`]),
  ];
  return `${words.join(", ")}${reason === null ? "" : `: ${reason}`}`;
}

export function weightBy(order: Order | null, own: number): number {
  return scaled(own, order?.factor ?? 1);
}

/** A target that has any weight keeps some, unless the factor is 0. */
export function scaled(own: number, factor: number): number {
  if (own === 0 || factor === 0) return 0;
  return Math.min(MAX_WEIGHT, Math.max(1, Math.round(own * factor)));
}

/** What the change makes of the order; null: it says nothing any more. The same again is `before` itself. Throws `BAD_ORDER`. */
export function changed(
  before: Order | null,
  { state = before?.state ?? null, factor = before?.factor ?? null, reason }: OrderChange,
  now: Pick<Order, "by" | "at" | "address">,
): Order | null {
  if (factor !== null && !(factor >= 0 && factor <= MAX_FACTOR))
    throw badOrder(`a weight's factor is a number from 0 to ${MAX_FACTOR}`);
  if (reason !== undefined && reason.length > MAX_ORDER_REASON)
    throw badOrder(`a reason has ${MAX_ORDER_REASON} characters at most`);
  if (reason !== undefined && UNPRINTABLE.test(reason))
    throw badOrder("a reason is one line of text, without control characters");
  const said = {
    state,
    factor: factor === 1 ? null : factor,
    reason: reason === undefined ? (before?.reason ?? null) : reason || null,
  };
  if (said.state === null && said.factor === null) return null;
  const isSame = before?.state === said.state && before.factor === said.factor && before.reason === said.reason;
  return isSame ? before : { ...said, ...now };
}

function badOrder(message: string): HarmonyError {
  return new HarmonyError("BAD_ORDER", message, { fault: "client" });
}

/** A target may have several names: see namesOf(). Any order that is under one of them is its own. */
export class Orders {
  readonly #byName: Map<string, Order>;

  constructor(kept: Iterable<readonly [name: string, order: Order]> = []) {
    this.#byName = new Map(kept);
  }

  get size(): number {
    return this.#byName.size;
  }

  all(): ReadonlyMap<string, Order> {
    return this.#byName;
  }

  /** The first that there is. */
  of(names: readonly string[]): Order | null {
    for (const name of names) {
      const order = this.#byName.get(name);
      if (order !== undefined) return order;
    }
    return null;
  }

  /** From now on that is the order of the target that has these names, the first of which it is kept under. Throws `TOO_MANY_ORDERS`. */
  set(names: readonly string[], order: Order | null): void {
    const isNew = !names.some((name) => this.#byName.has(name));
    if (order !== null && isNew && this.#byName.size >= MOST_ORDERS) throw tooMany();
    for (const name of names) this.#byName.delete(name);
    if (order !== null) this.#byName.set(names[0]!, order);
  }
}

function tooMany(): HarmonyError {
  const message = `there are orders for ${MOST_ORDERS} targets already: take back those of targets that are gone`;
  return new HarmonyError("TOO_MANY_ORDERS", message, { fault: "client" });
}
