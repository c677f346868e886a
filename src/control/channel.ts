import { NetError } from "../runtime/net-error.ts";
import type { Connection } from "../runtime/runtime.ts";
import { LineSplitter } from "./lines.ts";

/** Bytes thrown away while lingering: more than a peer can have under way that behaves. */
const MAX_DISCARDED = 256 * 1024;

/**
 * Lines over a Connection, which it owns. Sends queue up behind one another, as a Connection takes one write at a time;
 * whoever sends awaits, so at most an answer and a farewell ever wait.
 */
export class Channel {
  readonly connection: Connection;
  readonly #lines: LineSplitter;
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

  /**
   * Sends FIN and throws away what still comes until the peer's FIN: closing with unread bytes would reset the connection,
   * and the last line sent could be lost. Bounded in bytes here, in time by whoever aborts the connection. Never rejects.
   */
  async linger(): Promise<void> {
    try {
      await this.#sending;
      await this.connection.closeWrite();
      for (let discarded = 0; discarded < MAX_DISCARDED; ) {
        const chunk = await this.connection.read();
        if (chunk === null) break;
        discarded += chunk.length;
      }
    } catch (error) {
      if (!(error instanceof NetError)) throw error; // a lost connection is as good as a closed one
    }
    await this.connection.close();
  }
}
