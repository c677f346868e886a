/** Asks the balancer again and again for what is to be seen, and notices when it is gone and when it is back. */
import type { Page } from "../../api/schemas/common.ts";
import type { Connection } from "../../api/schemas/connections.ts";
import type { Group } from "../../api/schemas/group.ts";
import type { Key, Reporter } from "../../api/schemas/people.ts";
import type { History, Listener, Pool } from "../../api/schemas/pools.ts";
import type { Status } from "../../api/schemas/status.ts";
import type { Target } from "../../api/schemas/targets.ts";
import { Refused } from "./api.ts";
import type { App, Known } from "./app.ts";
import { CONNECTIONS_PAGE, connectionQuery } from "./connection-query.ts";
import { SharesFeed } from "./shares-feed.ts";

/** ms between a round and the next. */
const PERIOD_MS = 2000;
/** A round that took long is followed by a pause of so many times that: what is large is asked for less often. */
const REST = 5;
/** ms until the next try where there was no answer: it doubles up to the second. */
const RETRY_MS = [500, 4000] as const;

export interface FeedEvents {
  /** The token does not count any more. */
  refused(message: string): void;
  /** It is another process than before. */
  restarted(): void;
}

export class Feed {
  readonly #app: App;
  readonly #shares: SharesFeed;
  readonly #on: FeedEvents;
  #running = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round = 0;
  #retry: number = RETRY_MS[0];
  #historyAt = 0;

  constructor(app: App, on: FeedEvents) {
    this.#app = app;
    this.#shares = new SharesFeed(app);
    this.#on = on;
    document.addEventListener("visibilitychange", () => this.now());
  }

  start(): void {
    this.#running = true;
    this.now();
  }

  stop(): void {
    this.#running = false;
    this.#round++;
    clearTimeout(this.#timer);
  }

  /** What is under way is dropped: it may be the answer to another question by now. */
  now(): void {
    if (!this.#running) return;
    clearTimeout(this.#timer);
    // Nobody looks, so nobody is asked: this page may stay open for weeks.
    if (!document.hidden) void this.#ask(++this.#round);
  }

  async #ask(round: number): Promise<void> {
    const began = performance.now();
    let pause: number;
    try {
      const answers = await this.#answers();
      if (round !== this.#round) return;
      this.#heard(answers);
      pause = Math.max(PERIOD_MS, (performance.now() - began) * REST);
    } catch (error) {
      if (round !== this.#round) return;
      if (error instanceof Refused && error.status === 401) return this.#on.refused(error.message);
      pause = this.#failed(error as Error);
    }
    this.#timer = setTimeout(() => this.now(), pause);
    this.#app.render();
  }

  async #answers(): Promise<Partial<Known>> {
    const { api, known } = this.#app;
    const [status, pools] = await Promise.all([api.get<Status>("/v1/status"), api.list<Pool>("/v1/pools")]);
    if (status.startedAt !== known.status?.startedAt) this.#historyAt = 0;
    try {
      return { status, pools, refused: null, ...(await this.#ofView(status, pools)) };
    } catch (error) {
      // It is there, and does not like the question.
      if (!(error instanceof Refused) || error.status === 401) throw error;
      return { status, pools, refused: error.message };
    }
  }

  async #ofView(status: Status, pools: readonly Pool[]): Promise<Partial<Known>> {
    const { api, route, known } = this.#app;
    if (route.view === "pools") {
      const pool = pools.find(({ name }) => name === route.query.pool) ?? pools[0];
      return pool === undefined ? {} : this.#ofPool(pool.name);
    }
    if (route.view === "connections") {
      const query = { ...connectionQuery(route.query), limit: CONNECTIONS_PAGE };
      return { connections: await api.get<Page<Connection>>("/v1/connections", query) };
    }
    if (route.view === "events") return {};
    const seesAll = known.me?.pool === null;
    const [listeners, reporters, keys, group] = await Promise.all([
      api.list<Listener>("/v1/listeners"),
      api.list<Reporter>("/v1/reporters"),
      seesAll ? api.list<Key>("/v1/keys") : null,
      seesAll && status.group !== null ? api.get<Group | null>("/v1/group") : null,
    ]);
    return { listeners, reporters, keys, group };
  }

  async #ofPool(pool: string): Promise<Partial<Known>> {
    const { api, known } = this.#app;
    const due = known.history?.pool !== pool || performance.now() - this.#historyAt >= known.history.stepMs;
    const [list, history] = await Promise.all([
      api.list<Target>("/v1/targets", { pool }),
      due ? api.get<History>(`/v1/history/${encodeURIComponent(pool)}`) : known.history,
    ]);
    if (due) this.#historyAt = performance.now();
    return { targets: { pool, list }, history };
  }

  #heard(answers: Partial<Known>): void {
    const app = this.#app;
    const before = app.known.status;
    const restarted = before !== null && before.startedAt !== answers.status?.startedAt;
    Object.assign(app.known, answers);
    app.heardAt = Date.now();
    this.#shares.ask();
    if (restarted) this.#on.restarted();
    this.#retry = RETRY_MS[0];
    if (app.lost === null) return;
    app.lost = null;
    app.notify(restarted ? "The balancer has been started again." : "The balancer answers again.");
  }

  /** ms until the next try. */
  #failed(error: Error): number {
    this.#app.lost ??= {
      since: Date.now(),
      why: error instanceof Refused ? `answers "${error.message}"` : `gives ${error.message}`,
    };
    const pause = this.#retry;
    this.#retry = Math.min(pause * 2, RETRY_MS[1]);
    return pause;
  }
}
