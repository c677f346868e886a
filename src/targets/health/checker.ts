/** Asks once: bounds the time, words what fails, tells what is the server's fault from what is our own. */
import { meaningOf, netCodeOf } from "../../net/net-error.ts";
import type { Address, Runtime } from "../../net/runtime.ts";
import { scarce } from "../../proxy/connect-failure.ts";
import type { Clock } from "../../util/clock.ts";
import { formatDuration } from "../../util/durations.ts";
import { Leaving } from "../leave.ts";
import { type AnyCheck, type Ask, type CheckContext, type CheckResult, type HealthCheck, placeOf } from "./check.ts";
import { KINDS } from "./kinds.ts";

export interface CheckerOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
}

/** ms by which its time-out may come too late before it proves nothing: this process was stopped, or has too much to do. */
const HELD_UP_MS = 250;

export class Checker {
  readonly #options: CheckerOptions;
  readonly #running = new Set<AbortController>();
  readonly #leaving: Leaving;
  #closed = false;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#leaving = new Leaving(options.clock);
  }

  /** Connections that are still being left. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /** Checks the server at that address. Settles once nothing of it is left, but for a connection that is being left; never rejects. */
  async run(check: AnyCheck, server: Address): Promise<CheckResult> {
    const { runtime, clock } = this.#options;
    const begin = clock.now();
    const attempt = new AbortController();
    const result = (ok: CheckResult["ok"], reason: string) => ({ ok, reason, ms: clock.now() - begin });
    if (this.#closed) return result(null, "it was not asked any more");
    let late: ReturnType<typeof result> | null = null;
    const cancel = clock.after(check.timeout, () => {
      const isHeldUp = clock.now() - begin - check.timeout > HELD_UP_MS;
      const { timeout } = check;
      late = isHeldUp
        ? result(null, "this process was held up meanwhile")
        : result(false, `no answer within ${formatDuration(timeout)}`);
      attempt.abort();
    });
    this.#running.add(attempt);
    try {
      const leave: CheckContext["leave"] = (connection) => this.#leaving.leave(connection);
      // Which kind it is, the type of the table cannot say here.
      const kind = KINDS[check.kind] as HealthCheck<Ask>;
      const answer = await kind.run(check, placeOf(check, server), { runtime, clock, signal: attempt.signal, leave });
      if (!attempt.signal.aborted) return { ...answer, ms: clock.now() - begin };
      return late ?? result(null, "it was given up");
    } catch (error) {
      if (attempt.signal.aborted) return late ?? result(null, "it was given up");
      const code = netCodeOf(error);
      const lack = scarce(code);
      return lack === null ? result(false, meaningOf(code)) : result(null, `this machine is out of ${lack}`);
    } finally {
      this.#running.delete(attempt);
      cancel();
    }
  }

  /** Gives up what is under way, and waits until no connection is left. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const attempt of this.#running) attempt.abort();
    await this.#leaving.close();
  }
}
