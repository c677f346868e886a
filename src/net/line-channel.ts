import { setImmediate } from "node:timers";
import { LineSplitter } from "./lines.ts";
import { NetError } from "./net-error.ts";
import type { Connection } from "./runtime.ts";

/** Bytes thrown away while lingering: more than a peer can have under way that behaves. */
const MAX_DISCARDED = 256 * 1024;
/**
 * Lines after which everybody else has a turn. Lines that came at once would otherwise be answered in one go, in
 * microtasks alone: thousands of them held every client up for seconds. So many take a few milliseconds.
 */
const LINES_PER_TURN = 64;

/**
 * Lines over a Connection, which it owns. Sends queue up behind one another, as a Connection takes one write at a time;
 * whoever sends awaits, so at most an answer and a farewell ever wait.
 */
export class LineChannel {
  readonly connection: Connection;
  readonly #lines: LineSplitter;
  /** Taken since others had a turn. */
  #taken = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(connection: Connection, limit: number) {
    this.connection = connection;
    this.#lines = new LineSplitter(limit);
  }

  /** Longest line to accept from now on, bytes. */
  set limit(bytes: number) {
    this.#lines.limit = bytes;
  }

  /** The next line without LF, valid until the next call; null at FIN (an unfinished line does not count). Throws `LINE_TOO_LONG` or a NetError. */
  async readLine(): Promise<Uint8Array | null> {
    this.#taken += 1;
    if (this.#taken % LINES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const line = this.#lines.next();
      if (line !== null) return line;
      const chunk = await this.connection.read();
      if (chunk === null) return null;
      this.#lines.push(chunk);
    }
  }

  /** Resolves when the peer's side takes more. Rejects with a NetError. */
  send(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`, "utf8");
    const sent = this.#sending.then(() => this.connection.write(bytes));
    // A failed send is its sender's to see; the next one fails by itself.
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Sends FIN, then drains: the last line sent could be lost otherwise. Never rejects. */
  async linger(): Promise<void> {
    await this.#sending;
    await this.connection.closeWrite().catch(passNetError);
    await this.drain();
  }

  /**
   * Throws away what still comes until the peer's FIN, then closes: closing with unread bytes would reset the connection.
   * Bounded in bytes here, in time by whoever ends the connection. Never rejects.
   */
  async drain(): Promise<void> {
    try {
      for (let discarded = 0; discarded < MAX_DISCARDED; ) {
        const chunk = await this.connection.read();
        if (chunk === null) break;
        discarded += chunk.length;
      }
    } catch (error) {
      passNetError(error);
    }
    await this.connection.close();
  }
}

/** A lost connection is as good as a closed one. */
function passNetError(error: unknown): void {
  if (!(error instanceof NetError)) throw error;
}
