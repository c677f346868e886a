/** What comes in on a connection, cut into heads and bodies, within their limits. */
import type { Connection } from "../../net/runtime.ts";
import { joined } from "../../util/bytes.ts";
import { endOfHead, HttpFault, LONGEST_HEAD } from "./head.ts";

const NOTHING = new Uint8Array(0);

export class Intake {
  readonly #connection: Connection;
  /** Read, and not taken yet. */
  #held: Uint8Array = NOTHING;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /**
   * The next head with its empty line, a character a byte; null: the client has ended without one. `onBegin`: its first byte is there.
   * Rejects with HttpFault or NetError.
   */
  async head(onBegin: () => void): Promise<string | null> {
    if (!this.isEmpty) onBegin();
    for (let seen = 0; ; ) {
      const end = endOfHead(this.#held, seen);
      if ((end < 0 ? this.#held.length : end) > LONGEST_HEAD)
        throw new HttpFault(431, `the head of a request may have ${LONGEST_HEAD} bytes`);
      if (end >= 0) return latin1(this.#take(end));
      seen = this.#held.length;
      const bytes = await this.#connection.read();
      if (bytes === null && seen > 0) throw new HttpFault(400, "the connection ended within a head");
      if (bytes === null) return null;
      this.#held = joined([this.#held, bytes]); // a copy: what was read is the caller's until the next read
      if (seen === 0) onBegin();
    }
  }

  /** Rejects with HttpFault or NetError. */
  async body(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const first = this.#take(Math.min(length, this.#held.length));
    const body = new Uint8Array(length);
    body.set(first);
    for (let at = first.length; at < length; ) {
      const bytes = await this.#connection.read();
      if (bytes === null) throw new HttpFault(400, "the connection ended within a body");
      const part = bytes.subarray(0, length - at);
      body.set(part, at);
      at += part.length;
      if (part.length < bytes.length) this.#held = bytes.slice(part.length);
    }
    return body;
  }

  /** Reads on to the client's end, and at most so many bytes: what lies unread when a connection is closed resets it. */
  async discard(most: number): Promise<void> {
    this.#held = NOTHING;
    for (let left = most; left > 0; ) {
      const bytes = await this.#connection.read();
      if (bytes === null) return;
      left -= bytes.length;
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.length === count ? NOTHING : this.#held.subarray(count);
    return taken;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
