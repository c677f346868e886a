/** Asks targets whether they accept connections, by connecting and leaving again. */
import { discardRest } from "../net/line-channel.ts";
import { type NetCode, netCodeOf } from "../net/net-error.ts";
import type { Address, Connection, Runtime } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";

/** How the attempt failed, if it did. ECONNREFUSED alone proves that nothing is there: any other may be the way's fault. */
export type ProbeOutcome = "connected" | NetCode;

/** ms that a server which speaks first has to do so. After a FIN at once some runtimes' servers fail at their first write. */
const PAUSE_MS = 200;
/** ms after which the connection is closed though the server has not ended its side. */
const FAREWELL_MS = 1_000;

export interface ProberOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #connecting = new Set<AbortController>();
  /** Connections on which leave() is under way: that goes on after the probe has its outcome. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** `timeout` in ms. Never rejects. */
  async probe(to: Address, timeout: number): Promise<ProbeOutcome> {
    if (this.#closed) return "EABORTED";
    const { runtime, clock } = this.#options;
    const attempt = new AbortController();
    let isLate = false;
    const cancel = clock.after(timeout, () => {
      isLate = true;
      attempt.abort();
    });
    this.#connecting.add(attempt);
    try {
      this.#leave(await runtime.connect({ to, signal: attempt.signal }));
      return "connected";
    } catch (error) {
      return isLate ? "ETIMEDOUT" : netCodeOf(error);
    } finally {
      this.#connecting.delete(attempt);
      cancel();
    }
  }

  /** Gives up the probes that have no outcome yet, and waits until no connection is left. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const attempt of this.#connecting) attempt.abort();
    await Promise.all(this.#leaving);
  }

  #leave(connection: Connection): void {
    if (this.#closed) {
      connection.abort(); // connected at the moment of close(), which no longer waits for it
      return;
    }
    const left = leave(connection, this.#options.clock);
    this.#leaving.add(left);
    void left.then(() => this.#leaving.delete(left));
  }
}

/** Lets a server that speaks first finish: to it, a connection that breaks is an error to log, or even to crash on. */
async function leave(connection: Connection, clock: Clock): Promise<void> {
  const cancels = [
    clock.after(PAUSE_MS, () => void connection.closeWrite().catch(() => connection.abort())),
    clock.after(FAREWELL_MS, () => void connection.close()),
  ];
  await discardRest(connection);
  for (const cancel of cancels) cancel();
}
