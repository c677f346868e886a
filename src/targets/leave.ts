/** Leaves servers that were connected to for their own sake: what probes and checks have in common. */
import { gathering } from "../net/gathering.ts";
import { discardRest } from "../net/line-channel.ts";
import type { Connection } from "../net/runtime.ts";
import type { Clock } from "../util/clock.ts";

/** ms that a server which speaks first has to do so. After a FIN at once some runtimes' servers fail at their first write. */
const PAUSE_MS = 200;
/** ms after which the connection is closed though the server has not ended its side. */
const FAREWELL_MS = 1_000;

export class Leaving {
  readonly #clock: Clock;
  /** Under way. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many connections are being left. */
  get size(): number {
    return this.#leaving.size;
  }

  /** Takes the connection over. It goes on in the background. */
  leave(connection: Connection): void {
    if (this.#closed) {
      connection.abort(); // close() no longer waits for it
      return;
    }
    const left = leave(connection, this.#clock);
    this.#leaving.add(left);
    void left.then(() => this.#leaving.delete(left));
  }

  /** Waits until no connection is left. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#leaving);
  }
}

/** Lets a server that speaks first finish: to it, a connection that breaks is an error to log, or even to crash on. */
async function leave(connection: Connection, clock: Clock): Promise<void> {
  const cancels = [
    clock.after(PAUSE_MS, () => void connection.closeWrite().catch(() => connection.abort())),
    clock.after(FAREWELL_MS, () => void connection.close()),
  ];
  await discardRest(connection, gathering(connection, clock));
  for (const cancel of cancels) cancel();
}
