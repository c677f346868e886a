/** The connections of a thread, which are counted and ended together. */
import type { Connection } from "../../net/runtime.ts";
import { deferred } from "../../util/deferred.ts";

export class Connections {
  readonly #open = new Set<Connection>();
  #onEmpty: () => void = () => undefined;

  add(connection: Connection): void {
    this.#open.add(connection);
  }

  delete(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#open.size === 0) this.#onEmpty();
  }

  /** Resets them all. */
  abort(): void {
    for (const connection of this.#open) connection.abort();
  }

  /** Resolves when none is left, or `timeout` ms have passed; what is left then is reset. */
  async finish(timeout: number): Promise<void> {
    if (this.#open.size === 0) return;
    const { promise, resolve } = deferred<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(resolve, timeout);
    await promise;
    clearTimeout(timer);
    this.abort();
  }
}
