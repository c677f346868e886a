/**
 * What a client and the target that it reached say to each other, and what both may see of it. The client begins with eight
 * bytes that name the conversation; the rest of both directions are streams of its own, so that every byte can be checked.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CloseRecord } from "../../../../src/proxy/record.ts";
import type { Peer } from "../../../support/kernel/peers/peer.ts";
import { StreamPattern } from "../../../support/kernel/peers/stream-pattern.ts";

const HEADER_BYTES = 8;

export class Conversation {
  readonly id: number;
  readonly client: Peer;
  /** Which the client has reached, and what it is called. */
  target: Peer | null = null;
  targetName = "";
  readonly #up: StreamPattern;
  readonly #down: StreamPattern;
  #upOrdered = 0;
  #downOrdered = 0;
  record: CloseRecord | null = null;
  readonly #unavailable: Uint8Array;
  readonly #pools: () => ReadonlySet<string>;

  /** `unavailable`: what a client gets that reaches no target. `pools`: whose listener it was so far that it came to. */
  constructor(id: number, client: Peer, unavailable: Uint8Array, pools: () => ReadonlySet<string>) {
    this.id = id;
    this.client = client;
    this.#unavailable = unavailable;
    this.#pools = pools;
    this.#up = new StreamPattern(2 * id);
    this.#down = new StreamPattern(2 * id + 1);
    client.onBytes = (bytes) => this.#answered(bytes);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeInt32LE(id, 0);
    header.writeInt32LE(~id, 4);
    client.sendRaw(header);
  }

  /** Those that it may have been for. */
  get pools(): ReadonlySet<string> {
    return this.#pools();
  }

  /** The client sends `count` bytes more. */
  say(count: number): void {
    this.client.send(this.#up, count, this.#upOrdered);
    this.#upOrdered += count;
  }

  /** The target does. */
  answer(count: number): void {
    this.target?.send(this.#down, count, this.#downOrdered);
    this.#downOrdered += count;
  }

  #answered(bytes: Uint8Array): void {
    const at = this.client.received;
    if (this.target !== null) this.#down.check(at, bytes, this.client.name);
    else assert.deepEqual(bytes, this.#unavailable.subarray(at, at + bytes.length), `${this}: not the answer`);
  }

  /** For a target: checks what comes, from whichever client. `find` gives the conversation of an id. */
  static serve(peer: Peer, name: string, find: (id: number) => Conversation): void {
    let conversation: Conversation | null = null;
    const header = Buffer.alloc(HEADER_BYTES);
    let length = 0;
    let at = 0;
    peer.onBytes = (bytes) => {
      let rest = bytes;
      if (conversation === null) {
        const part = bytes.subarray(0, HEADER_BYTES - length);
        header.set(part, length);
        length += part.length;
        rest = bytes.subarray(part.length);
        if (length < HEADER_BYTES) return;
        assert.equal(
          header.readInt32LE(0),
          ~header.readInt32LE(4),
          `${peer.name}: this is no conversation's beginning`,
        );
        conversation = find(header.readInt32LE(0));
        assert.equal(conversation.target, null, `conversation ${conversation.id} has reached two targets`);
        conversation.target = peer;
        conversation.targetName = name;
      }
      conversation.#up.check(at, rest, peer.name);
      at += rest.length;
    };
  }

  /** Whether bytes still have to get through: both ends stand, and nothing has cut them off from each other. */
  get live(): boolean {
    const { client, target } = this;
    return target !== null && [client, target].every((peer) => peer.error === null && !peer.closed);
  }

  /** All that was ordered has arrived. */
  assertDelivered(): void {
    const { client, target } = this;
    if (target === null) return;
    assert.ok(client.idle && target.idle, `${this}: something is stuck on its way out`);
    assert.equal(target.received, client.sent - client.urgentSent, `${this}: bytes to the target are stuck`);
    assert.equal(client.received, target.sent - target.urgentSent, `${this}: bytes to the client are stuck`);
  }

  /** A FIN tells that all has come; so there is one only where the other side has sent one, and behind everything. */
  assertHonest(): void {
    const { client, target } = this;
    if (client.finReceived && client.error === null) {
      if (target === null) {
        assert.ok(
          client.received === 0 || client.received === this.#unavailable.length,
          `${this}: an answer of ${client.received}`,
        );
      } else {
        assert.ok(target.finSent, `${this}: the client was told that the target has finished, and it has not`);
        assert.equal(client.received, target.sent - target.urgentSent, `${this}: the answer was cut`);
      }
    }
    if (target?.finReceived && target.error === null) {
      assert.ok(client.finSent, `${this}: the target was told that the client has finished, and it has not`);
      assert.equal(target.received, client.sent - client.urgentSent, `${this}: the request was cut`);
    }
  }

  assertRecorded(): void {
    const { client, record, target } = this;
    if (record === null) return;
    assert.ok(
      record.bytesIn <= client.sent - client.urgentSent,
      `${this}: more bytes recorded than the client has sent`,
    );
    if (target === null) return;
    assert.equal(record.target, this.targetName, `${this}: the record names another target`);
    assert.ok(record.bytesIn >= target.received, `${this}: fewer bytes recorded than the target has`);
    assert.ok(record.bytesOut >= client.received, `${this}: fewer bytes recorded than the client has`);
    assert.ok(
      record.bytesOut <= target.sent - target.urgentSent,
      `${this}: more bytes recorded than the target has sent`,
    );
    if (record.cause !== "fin") return;
    assert.equal(record.bytesIn, client.sent - client.urgentSent);
    assert.equal(record.bytesOut, target.sent - target.urgentSent);
  }

  toString(): string {
    const end = (peer: Peer | null): string =>
      peer === null
        ? "none"
        : `${peer.name} (sent ${peer.sent}, received ${peer.received}${peer.finSent ? ", FIN sent" : ""}${peer.ending && `, ${peer.ending}`}${peer.closed ? ", closed" : ""})`;
    return `conversation ${this.id} of ${end(this.client)} and ${end(this.target)}`;
  }
}
