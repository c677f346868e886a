/** The weights that a reporter gives its targets: numbers, and such as follow what is left. */
import type { AutoBalance } from "../config/balance-kind.ts";
import type { TargetSettings } from "../config/target-options.ts";
import { commandHeadroom } from "../host/command.ts";
import { FollowedWeight } from "../host/follow.ts";
import { hostHeadroom } from "../host/headroom.ts";
import type { Clock } from "../util/clock.ts";

/** `ref`: which of the targets, by its place among them. Neither must throw. */
export interface WeightListener {
  /** The weight is another one. `headroom`: what is left, 0…1; null: it cannot be told, nor ever could. */
  onWeight(ref: number, weight: number, headroom: number | null): void;
  /** What is left can no longer be told; null: it can again. */
  onTrouble(ref: number, reason: string | null): void;
}

/** What is known of a weight that follows what is left. */
export interface FollowedView {
  /** 0…1, smoothed; null: not known yet. */
  readonly headroom: number | null;
  readonly floor: number;
  readonly ceiling: number;
  /** Why it cannot be told now; null: it can. */
  readonly trouble: string | null;
}

export class Weights {
  readonly #targets: readonly TargetSettings[];
  /** null: it is a number. */
  readonly #followed: readonly (FollowedWeight | null)[];

  constructor(targets: readonly TargetSettings[], clock: Clock, listener: WeightListener) {
    this.#targets = targets;
    this.#followed = targets.map(({ balance }, ref) =>
      typeof balance === "number" ? null : follow(balance, ref, clock, listener),
    );
  }

  of(ref: number): number {
    const { balance } = this.#targets[ref]!;
    return typeof balance === "number" ? balance : this.#followed[ref]!.weight;
  }

  /** null: it is a number. */
  view(ref: number): FollowedView | null {
    const followed = this.#followed[ref] ?? null;
    if (followed === null) return null;
    const { floor, ceiling } = this.#targets[ref]!.balance as AutoBalance;
    return { headroom: followed.headroom, floor, ceiling, trouble: followed.trouble };
  }

  /** Idempotent. */
  end(): void {
    for (const each of this.#followed) each?.end();
  }
}

function follow(balance: AutoBalance, ref: number, clock: Clock, listener: WeightListener): FollowedWeight {
  const { command, cgroup } = balance;
  return new FollowedWeight({
    ...balance,
    clock,
    measure: command === null ? hostHeadroom(cgroup) : commandHeadroom(command),
    onWeight: (weight, headroom) => listener.onWeight(ref, weight, headroom),
    onTrouble: (reason) => listener.onTrouble(ref, reason),
  });
}
