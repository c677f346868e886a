/** Whether the place where a group meets is reached, and since when. */
import type { Clock } from "../util/clock.ts";
import type { GroupOptions } from "./options.ts";
import type { GroupView } from "./view.ts";

type ReachOptions = Pick<GroupOptions, "onEvent" | "wallClock"> & { readonly clock: Pick<Clock, "now"> };

export class Reach {
  readonly #options: ReachOptions;
  #state: GroupView["state"] = "connecting";
  #since: number;
  /** The same by the clock that nobody sets. */
  #at: number;
  #reason: string | null = null;
  /** It was, at any time. */
  #wasReached = false;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#since = options.wallClock();
    this.#at = options.clock.now();
  }

  get isReached(): boolean {
    return this.#state === "connected";
  }

  /** ms for which it has not been reached; 0: it is. */
  get lostMs(): number {
    return this.isReached ? 0 : this.#options.clock.now() - this.#at;
  }

  get view(): Pick<GroupView, "state" | "since" | "reason"> {
    return { state: this.#state, since: this.#since, reason: this.#reason };
  }

  reached(): void {
    this.#reason = null;
    this.#wasReached = true;
    if (this.#becomes("connected")) this.#options.onEvent("connected");
  }

  /** `isHeard`: what others say is known all the same. */
  lost(reason: string, isHeard: boolean): void {
    const isNews = this.#reason === null;
    this.#reason = reason;
    this.#wasReached ||= isHeard;
    if (!this.#wasReached) {
      if (isNews) this.#options.onEvent("unreached", reason);
    } else if (this.#becomes("lost")) this.#options.onEvent("lost", reason, isHeard);
  }

  /** Whether it is not so already. */
  #becomes(state: GroupView["state"]): boolean {
    if (this.#state === state) return false;
    this.#state = state;
    this.#since = this.#options.wallClock();
    this.#at = this.#options.clock.now();
    return true;
  }
}
