import { setImmediate } from "node:timers";
import { HarmonyError } from "../util/errors.ts";
import { LineSplitter } from "./lines.ts";
import { NetError } from "./net-error.ts";
import type { Connection } from "./runtime.ts";

/** Bytes that discardRest() takes: more than a peer that keeps to the protocol can have under way. */
const MAX_DISCARDED = 256 * 1024;
/**
 * Lines after which the event loop gets a turn. Lines that arrive together are otherwise answered in microtasks alone, and
 * thousands of them delayed every client by seconds. This many take a few milliseconds.
 */
const LINES_PER_TURN = 64;

/** What a TLS peer begins with: an alert, or a handshake. No text begins so. */
const TLS_RECORDS = new Set([0x15, 0x16]);

/**
 * Lines over a Connection, which it owns. Sends are queued, since a Connection takes one write at a time; callers await
 * them, so the queue holds at most an answer and a goodbye.
 */
export class LineChannel {
  readonly connection: Connection;
  /** Takes the empty lines, which readLine() then passes over; what it gives is awaited before more is read. null: they are lines as others are. */
  onEmpty: (() => Promise<void> | undefined) | null = null;
  readonly #lines: LineSplitter;
  /** Lines read. */
  #count = 0;
  /** Something has been read. */
  #begun = false;
  #sending: Promise<void> = Promise.resolve();

  constructor(connection: Connection, limit: number) {
    this.connection = connection;
    this.#lines = new LineSplitter(limit);
  }

  /** Longest line to accept from now on, bytes. */
  set limit(bytes: number) {
    this.#lines.limit = bytes;
  }

  /** The next line without LF, valid until the next call; null at FIN (an unfinished line does not count). Throws `LINE_TOO_LONG`, `IS_TLS` or a NetError. */
  async readLine(): Promise<Uint8Array | null> {
    this.#count += 1;
    if (this.#count % LINES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      const line = this.#lines.next();
      if (line !== null) {
        if (line.length > 0 || this.onEmpty === null) return line;
        const pause = this.onEmpty();
        if (pause !== undefined) await pause;
        continue;
      }
      const chunk = await this.connection.read();
      if (chunk === null) return null;
      if (!this.#begun && TLS_RECORDS.has(chunk[0]!)) {
        throw new HarmonyError("IS_TLS", "the other side speaks TLS", { fault: "target" });
      }
      this.#begun = true;
      this.#lines.push(chunk);
    }
  }

  /** Resolves when the peer's side takes more. Rejects with a NetError. */
  send(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`, "utf8");
    const sent = this.#sending.then(() => this.connection.write(bytes));
    // The caller sees a failed send; the next one fails by itself.
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  /** Sends FIN, after all lines. Rejects with a NetError. */
  async closeWrite(): Promise<void> {
    await this.#sending;
    await this.connection.closeWrite();
  }

  /** Sends FIN, then discards what still comes: the last line sent could be lost otherwise. Never rejects. */
  async linger(): Promise<void> {
    await this.closeWrite().catch(passNetError);
    await discardRest(this.connection);
  }
}

/**
 * Discards what the peer still sends until its FIN, then closes: closing with unread bytes would reset the connection.
 * Bounded in bytes here; the caller bounds it in time by closing or aborting the connection. Never rejects.
 */
export async function discardRest(connection: Connection, read = () => connection.read()): Promise<void> {
  try {
    for (let discarded = 0; discarded < MAX_DISCARDED; ) {
      const chunk = await read();
      if (chunk === null) break;
      discarded += chunk.length;
    }
  } catch (error) {
    passNetError(error);
  }
  await connection.close();
}

/** A lost connection needs no further handling than a closed one. */
function passNetError(error: unknown): void {
  if (!(error instanceof NetError)) throw error;
}
