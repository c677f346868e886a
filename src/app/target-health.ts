/** What a reporter sees of its servers: each target's own check, and what is to be reported of it. */

import type { TargetSettings } from "../config/target-options.ts";
import { MAX_HEALTH_REASON, type Report } from "../control/protocol/messages.ts";
import type { Runtime } from "../net/runtime.ts";
import { checkReason } from "../targets/checked.ts";
import { Checker } from "../targets/health/checker.ts";
import { CheckSchedule, type Followed } from "../targets/health/schedule.ts";
import { LOOPBACK } from "../targets/loopback.ts";
import { type Clock, systemClock } from "../util/clock.ts";

/** `reason`: why it is down, for people. */
export type Health = Pick<Report, "health" | "reason">;

const UP: Health = { health: "up" };

export interface TargetHealthOptions {
  readonly targets: readonly Pick<TargetSettings, "check" | "port">[];
  readonly runtime: Runtime;
  readonly clock?: Clock;
  /** Of that target, by its place among them: it is up where it was not, or the other way round. */
  readonly onChange: (index: number) => void;
}

export class TargetHealth {
  readonly #checker: Checker;
  readonly #schedule: CheckSchedule;
  /** null: it is not checked. */
  readonly #followed: readonly (Followed | null)[];
  /** Who waits for it to pass, by its place. */
  readonly #onPass: (() => void)[] = [];

  constructor({ targets, runtime, clock = systemClock, onChange }: TargetHealthOptions) {
    this.#checker = new Checker({ runtime, clock });
    this.#schedule = new CheckSchedule({
      clock,
      wallClock: Date.now,
      run: (check, server) => this.#checker.run(check, server),
      leaving: () => this.#checker.leaving,
    });
    this.#followed = targets.map(({ check, port }, index) => {
      // The server is beside its reporter, whatever address the balancer has for it.
      if (check === "off") return null;
      return this.#schedule.follow(check, { host: LOOPBACK, port }, () => {
        if (this.of(index).health === "up") this.#onPass[index]?.();
        onChange(index);
      });
    });
  }

  /** As it is now. A server that has not passed its check yet is down: nobody is to be sent to one that is not ready. */
  of(index: number): Health {
    const followed = this.#followed[index] ?? null;
    if (followed === null || followed.judgement.says === "up") return UP;
    return { health: "down", reason: checkReason(followed, true).slice(0, MAX_HEALTH_REASON) };
  }

  /** Another server has been started, of which nothing is known. Resolves when it passes; at once, where it has no check. */
  anew(index: number): Promise<void> {
    const followed = this.#followed[index] ?? null;
    if (followed === null) return Promise.resolve();
    this.#schedule.restart(followed);
    return new Promise((resolve) => {
      this.#onPass[index] = resolve;
    });
  }

  /** What the check has come to, in words; null: it has none. */
  words(index: number): string | null {
    const followed = this.#followed[index] ?? null;
    return followed && checkReason(followed, true);
  }

  /** Never rejects. */
  close(): Promise<void> {
    this.#schedule.close();
    return this.#checker.close();
  }
}
