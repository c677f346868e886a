/**
 * A limit of connections at once, watched from the targets' side. What a target sees of an end comes later than the balancer's
 * counting: so one too many is only suspected, and is a fault when, a moment later, more than the limit are still there that
 * were there then, in the kernel's tables as well.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { End } from "./end.ts";
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, tcpStates } from "./tcp-states.ts";

const MOMENT_MS = 300;
/** States in which a connection's other end may be in use. */
const ALIVE = [ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT];

export interface BoundOptions {
  readonly name: string;
  /** 0: none. */
  readonly limit: number;
  /**
   * The balancer resets what it cuts. One that cannot sends a FIN, behind all that the kernel still holds for the target: a
   * connection that it has recorded counts as gone then (what it leaves open shows in its descriptors).
   */
  readonly resets: boolean;
  readonly onWrong: (what: string) => void;
}

export interface Guest {
  readonly end: End;
  /** The balancer has recorded it as over. */
  readonly isCut: () => boolean;
}

export class Bound {
  readonly #options: BoundOptions;
  readonly #open = new Set<Guest>();
  #suspicion: Promise<void> | null = null;
  /** The most that a target has seen at once. */
  most = 0;

  constructor(options: BoundOptions) {
    this.#options = options;
  }

  add(guest: Guest): void {
    this.#open.add(guest);
    void guest.end.done.then(() => this.#open.delete(guest));
    this.most = Math.max(this.most, this.#open.size);
    if (this.#options.limit === 0 || this.#open.size <= this.#options.limit) return;
    this.#suspicion ??= this.#judge([...this.#open]).finally(() => {
      this.#suspicion = null;
    });
  }

  async #judge(then: readonly Guest[]): Promise<void> {
    const { limit, name, onWrong, resets } = this.#options;
    await delay(MOMENT_MS);
    const present = () => then.filter(({ end, isCut }) => !end.over && (resets || !isCut()));
    if (present().length <= limit) return;
    const states = tcpStates();
    const still = present().filter(({ end }) => ALIVE.includes(states.get(end.name) ?? 0));
    if (still.length > limit) {
      const those = still.map(({ end }) => end).join("\n  ");
      onWrong(`${name} has ${still.length} connections at once, and ${limit} are allowed:\n  ${those}`);
    }
  }
}
