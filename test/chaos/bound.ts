/**
 * A limit of connections at once, watched from the targets' side. What a target sees of an end comes later than the balancer's
 * counting: so one too many is only suspected, and is a fault when, a moment later, more than the limit are still there that
 * were there then, in the kernel's tables as well.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { End } from "./end.ts";
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, tcpStates } from "./tcp-states.ts";

const MOMENT_MS = 300;

export interface BoundOptions {
  readonly name: string;
  /** 0: none. */
  readonly limit: number;
  /** The balancer resets what it cuts: a peer that has only sent a FIN is still there. */
  readonly resets: boolean;
  readonly onWrong: (what: string) => void;
}

export class Bound {
  readonly #options: BoundOptions;
  readonly #open = new Set<End>();
  #suspicion: Promise<void> | null = null;
  /** The most that a target has seen at once. */
  most = 0;

  constructor(options: BoundOptions) {
    this.#options = options;
  }

  add(end: End): void {
    this.#open.add(end);
    void end.done.then(() => this.#open.delete(end));
    this.most = Math.max(this.most, this.#open.size);
    if (this.#options.limit === 0 || this.#open.size <= this.#options.limit) return;
    this.#suspicion ??= this.#judge([...this.#open]).finally(() => {
      this.#suspicion = null;
    });
  }

  async #judge(then: readonly End[]): Promise<void> {
    const { limit, name, onWrong, resets } = this.#options;
    await delay(MOMENT_MS);
    if (then.filter((end) => !end.over).length <= limit) return;
    const states = tcpStates();
    const alive = resets ? [ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT] : [ESTABLISHED, FIN_WAIT1, FIN_WAIT2];
    const still = then.filter(({ over, name: end }) => !over && alive.includes(states.get(end) ?? 0));
    if (still.length > limit) {
      onWrong(`${name} has ${still.length} connections at once, and ${limit} are allowed:\n  ${still.join("\n  ")}`);
    }
  }
}
