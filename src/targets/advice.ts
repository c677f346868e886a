/** Tells an operator, once each, what a pool does that its options may not have been meant to do. */
import type { TargetPool } from "./target-pool.ts";

export class Advice {
  readonly #warn: (message: string) => void;
  readonly #told = new Set<string>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** To be called about once a second. */
  look(name: string, pool: TargetPool): void {
    if (pool.evictions !== 0) {
      this.#tell(
        `pool ${name}: more clients than --max-bindings are to be kept on their targets; those away for longest may get other ones`,
      );
    }
    const client = this.#told.has(loneText(name)) ? null : pool.loneClient;
    if (client !== null) this.#tell(loneText(name), ` (${client})`);
  }

  #tell(message: string, detail = ""): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#warn(message + detail);
  }
}

function loneText(name: string): string {
  return `pool ${name}: all connections come from one address and stay with one target, as --persistent says; if a proxy or NAT stands in front, --persistent off shares them out`;
}
