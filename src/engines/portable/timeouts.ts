/** The timers of connections. Each state has one delay, so that a list for each is in order by itself. */
import { ANSWERING, CONNECTING, DELIVERING, LINGERING, QUEUED, RELAYING } from "../../proxy/states.ts";
import { ANSWER_MS, LINGER_MS } from "../../proxy/unavailable.ts";
import type { EngineOptions } from "../engine.ts";
import type { ProxiedConnection } from "./connection.ts";
import { TICK_MS } from "./ticker.ts";
import { TimeoutList } from "./timeout-list.ts";

/** ms between two looks at a relay, at most: how fresh the pool's byte counts are, and how much later than its limit an idle one ends. */
const RELAY_CHECK_MS = 1_000;

type OnDue = (c: ProxiedConnection) => void;

export class Timeouts {
  readonly #lists: ReadonlyMap<number, TimeoutList<ProxiedConnection>>;

  /** A relay's timer is there for looking at it now and then, so it has a listener of its own. */
  constructor({ connectTimeout, idleTimeout, queueTimeout }: EngineOptions, onDue: OnDue, onRelayDue: OnDue) {
    this.#lists = new Map([
      [QUEUED, new TimeoutList(queueTimeout, onDue)],
      [CONNECTING, new TimeoutList(connectTimeout, onDue)],
      [RELAYING, new TimeoutList(checkInterval(idleTimeout), onRelayDue)],
      [ANSWERING, new TimeoutList(ANSWER_MS, onDue)],
      [LINGERING, new TimeoutList(LINGER_MS, onDue)],
      [DELIVERING, new TimeoutList(TICK_MS, onDue)],
    ]);
  }

  /** From now on it has the time of the state that it is in. */
  arm(c: ProxiedConnection, now: number): void {
    this.#lists.get(c.state)!.add(c, now);
  }

  disarm(c: ProxiedConnection): void {
    c.list?.remove(c);
  }

  expire(now: number): void {
    for (const list of this.#lists.values()) list.expire(now);
  }
}

/** Often enough that an idle limit is kept to a tenth, and not more often. */
function checkInterval(idleTimeout: number): number {
  const tenth = idleTimeout > 0 ? idleTimeout / 10 : RELAY_CHECK_MS;
  return Math.min(RELAY_CHECK_MS, Math.max(TICK_MS, tenth));
}
