/** What clients get who are refused before they have agreed on TLS. */
import { MOST_IN_TARPIT } from "../../edge/reception.ts";
import type { RefusalAnswer } from "../../edge/rules.ts";
import type { Connection } from "../../net/runtime.ts";

export class Refuser {
  /** Connections that are kept waiting at most. */
  readonly #most: number;
  #waiting = 0;

  /** `threads`: as many share what a process may keep waiting. */
  constructor(threads: number) {
    this.#most = Math.floor(MOST_IN_TARPIT / threads);
  }

  /** Owns the connection. */
  async answer(connection: Connection, answer: RefusalAnswer): Promise<void> {
    if (answer.type === "close") {
      await connection.close();
    } else if (answer.type === "text") {
      await connection.write(answer.text).then(
        () => connection.close(),
        () => connection.abort(),
      );
    } else if (answer.type === "tarpit" && this.#waiting < this.#most) {
      await this.#tarpit(connection, answer.ms);
    } else {
      connection.abort();
    }
  }

  async #tarpit(connection: Connection, ms: number): Promise<void> {
    this.#waiting++;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    // What it sends is left to the kernel; that it leaves shows.
    await Promise.race([over, lost(connection)]);
    clearTimeout(timer);
    this.#waiting--;
    connection.abort();
  }
}

/** Resolves once the connection is lost, or its peer has ended it; never while it only sends. */
function lost(connection: Connection): Promise<void> {
  return connection.readable().then(
    () => (connection.atEnd ? undefined : new Promise<never>(() => undefined)),
    () => undefined,
  );
}
