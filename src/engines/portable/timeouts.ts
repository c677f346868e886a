/** The timers of connections. Each state has one delay, so that a list for each is in order by itself. */

import type { LifecycleOptions } from "../../proxy/options.ts";
import { ANSWERING, CONNECTING, DELIVERING, LINGERING, LOOKING_UP, QUEUED, RELAYING } from "../../proxy/states.ts";
import { ANSWER_MS, LINGER_MS } from "../../proxy/unavailable.ts";
import type { ProxiedConnection } from "./connection.ts";
import { TICK_MS } from "./ticker.ts";
import { TimeoutList } from "./timeout-list.ts";

/** ms between two looks at a relay, at most: how fresh the pool's byte counts are, and how much later than its limit an idle one ends. */
const RELAY_CHECK_MS = 1_000;

type OnDue = (c: ProxiedConnection) => void;
type Delays = Pick<LifecycleOptions, "connectTimeout" | "idleTimeout" | "queueTimeout" | "queueWhenEmpty">;

/** In place of a state: QUEUED while no target is up. */
const AWAITING = -1;

export class Timeouts {
  readonly #lists = new Map<number, TimeoutList<ProxiedConnection>>();
  /** Of delays that have been changed since: what is in them keeps its time. */
  #former: TimeoutList<ProxiedConnection>[] = [];
  #queueTimeout = 0;
  readonly #onDue: OnDue;
  readonly #onRelayDue: OnDue;

  /** A relay's timer is there for looking at it now and then, so it has a listener of its own. */
  constructor(delays: Delays, onDue: OnDue, onRelayDue: OnDue) {
    this.#onDue = onDue;
    this.#onRelayDue = onRelayDue;
    this.change(delays);
    this.#set(ANSWERING, ANSWER_MS);
    this.#set(LINGERING, LINGER_MS);
    this.#set(DELIVERING, TICK_MS);
  }

  /** For what is armed from now on. */
  change({ connectTimeout, idleTimeout, queueTimeout, queueWhenEmpty }: Delays): void {
    this.#queueTimeout = queueTimeout;
    this.#set(QUEUED, queueTimeout);
    if (queueWhenEmpty > 0) this.#set(AWAITING, queueWhenEmpty);
    this.#set(CONNECTING, connectTimeout);
    this.#set(RELAYING, checkInterval(idleTimeout));
  }

  /** From now on it has the time of the state that it is in; `due`: of one that waits, which has one of several. */
  arm(c: ProxiedConnection, now: number, due = 0): void {
    if (c.state === LOOKING_UP) this.#set(LOOKING_UP, Math.max(1, Math.round(due - now)));
    const isAwaiting = c.state === QUEUED && due !== c.since + this.#queueTimeout;
    this.#lists.get(isAwaiting ? AWAITING : c.state)!.add(c, now);
  }

  disarm(c: ProxiedConnection): void {
    c.list?.remove(c);
  }

  expire(now: number): void {
    for (const list of this.#lists.values()) list.expire(now);
    if (this.#former.length === 0) return;
    for (const list of this.#former) list.expire(now);
    this.#former = this.#former.filter((list) => !list.isEmpty);
  }

  /** A list is in order because its delay is one and the same. */
  #set(state: number, delay: number): void {
    const list = this.#lists.get(state);
    if (list?.delay === delay) return;
    if (list !== undefined && !list.isEmpty) this.#former.push(list);
    this.#lists.set(state, new TimeoutList(delay, state === RELAYING ? this.#onRelayDue : this.#onDue));
  }
}

/** Often enough that an idle limit is kept to a tenth, and not more often. */
function checkInterval(idleTimeout: number): number {
  const tenth = idleTimeout > 0 ? idleTimeout / 10 : RELAY_CHECK_MS;
  return Math.min(RELAY_CHECK_MS, Math.max(TICK_MS, tenth));
}
