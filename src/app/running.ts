/** What is said of a server that runs only while somebody needs it, over what its check finds. */
import type { SeenOfTarget } from "../control/client/announcement.ts";
import { MAX_HEALTH_REASON } from "../control/protocol/messages.ts";

/**
 * `asleep`: it starts when somebody waits. `up`: it has started, and passed its check. `resting`: it does, and is about to stop. `failed`: it has not
 * started, and is not tried now.
 */
export type RunningState = "asleep" | "up" | "resting" | { readonly failed: string };

export class Running {
  #state: RunningState = "asleep";

  becomes(state: RunningState): void {
    this.#state = state;
  }

  get isAsleep(): boolean {
    return this.#state === "asleep";
  }

  get isResting(): boolean {
    return this.#state === "resting";
  }

  over<S extends SeenOfTarget>(seen: S): S & { readonly asleep: boolean } {
    const state = this.#state;
    if (typeof state === "object")
      return { ...seen, health: "down", reason: state.failed.slice(0, MAX_HEALTH_REASON), asleep: false };
    if (state === "asleep") return { ...seen, health: "down", reason: undefined, asleep: true };
    return { ...seen, asleep: state === "resting" };
  }
}
