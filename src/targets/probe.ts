/** Asks targets whether they accept connections, by connecting and leaving again. */
import { type NetCode, netCodeOf } from "../net/net-error.ts";
import type { Address, Runtime } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { Leaving } from "./leave.ts";

/** How the attempt failed, if it did. ECONNREFUSED alone proves that nothing is there: any other may be the way's fault. */
export type ProbeOutcome = "connected" | NetCode;

export interface ProberOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #connecting = new Set<AbortController>();
  /** Goes on after a probe has its outcome. */
  readonly #leaving: Leaving;
  #closed = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#leaving = new Leaving(options.clock);
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
      this.#leaving.leave(await runtime.connect({ to, signal: attempt.signal }));
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
    await this.#leaving.close();
  }
}
