/** Tells an operator, once each, what a pool does that its options may not have been meant to do. */
import type { TargetPool } from "./target-pool.ts";

export class Advice {
  readonly #warn: (message: string) => void;
  readonly #told = new Set<string>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** To be called about once a second. `whyAllFail`: of that pool's targets, their checks; null: they do not. */
  look(name: string, pool: TargetPool, whyAllFail: string | null): void {
    const failing = `failing ${name}`;
    if (whyAllFail === null) this.#told.delete(failing);
    else {
      this.#tell(
        failing,
        `pool ${name}: all of its targets fail their checks, and clients get none; of one of them, ${whyAllFail}. Where it is the check that is wrong: correct it, and reload`,
      );
    }
    if (pool.evictions !== 0) {
      this.#tell(
        `evictions ${name}`,
        `pool ${name}: more clients than --max-bindings are to be kept on their targets; those away for longest may get other ones`,
      );
    }
    const lone = `lone ${name}`;
    const client = this.#told.has(lone) ? null : pool.loneClient;
    if (client === null) return;
    this.#tell(
      lone,
      `pool ${name}: all connections come from one address, ${client}, and stay with one target, as --persistent says; if that is a proxy or NAT, --persistent off shares them out`,
    );
  }

  /** The pool is gone; another one may get its name. */
  forget(name: string): void {
    for (const what of ["evictions", "failing", "lone"]) this.#told.delete(`${what} ${name}`);
  }

  /** `what`: it is told once, whatever it says. */
  #tell(what: string, message: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#warn(message);
  }
}
