/**
 * What has arrived and was not read: bytes, and at most one urgent mark among them. The urgent byte stands in the stream; a
 * read stops in front of it, and the next one steps over it. A splice stops in front of it too, but never gets past.
 */
import { EINVAL } from "../../../../src/engines/linux/sys/abi.ts";
import { ByteQueue } from "../byte-queue.ts";

interface Urgent {
  /** Its place in the stream. */
  readonly at: number;
  readonly byte: number;
  /** Taken with MSG_OOB. */
  taken: boolean;
}

export class ReceiveBuffer {
  readonly #queue = new ByteQueue();
  /** Bytes of the stream that the reader has behind it. */
  #read = 0;
  #arrived = 0;
  #urgent: Urgent | null = null;

  get length(): number {
    return this.#queue.length;
  }

  get arrived(): number {
    return this.#arrived;
  }

  /** Something to read beyond the mark at which the reader may stand. */
  get readable(): boolean {
    const atMark = this.#urgent?.at === this.#read;
    return this.#queue.length > (atMark ? 1 : 0);
  }

  /** EPOLLPRI. */
  get urgentWaits(): boolean {
    return this.#urgent !== null && !this.#urgent.taken;
  }

  /** `urgent`: the last byte is urgent. An earlier urgent byte that is still ahead becomes an ordinary one. */
  append(bytes: Uint8Array, urgent: boolean): void {
    this.#queue.push(bytes);
    this.#arrived += bytes.length;
    if (!urgent) return;
    // The reader stands at the old mark: its byte goes, or it would be read as an ordinary one.
    if (this.#urgent?.at === this.#read && this.#read + bytes.length !== this.#arrived) this.#skip();
    this.#urgent = { at: this.#arrived - 1, byte: bytes.at(-1)!, taken: false };
  }

  /** The number of bytes, 0 when there are none. */
  recv(into: Uint8Array, inline: boolean): number {
    let count = 0;
    while (count < into.length && this.#queue.length > 0) {
      let part = into.length - count;
      if (this.#urgent !== null) {
        const ahead = this.#urgent.at - this.#read;
        if (ahead === 0) {
          if (count > 0) break;
          if (inline) this.#urgent = null;
          else this.#skip();
          continue;
        }
        part = Math.min(part, ahead);
      }
      part = this.#queue.copy(into, count, part);
      this.#advance(part);
      count += part;
    }
    return count;
  }

  peek(into: Uint8Array): number {
    const ahead = this.#urgent === null ? into.length : this.#urgent.at - this.#read;
    return this.#queue.copy(into, 0, ahead === 0 ? into.length : Math.min(into.length, ahead));
  }

  /** Hands out views, `limit` bytes at most and no more at once than `room` says; the number of bytes. */
  each(limit: number, room: () => number, take: (chunk: Uint8Array) => void): number {
    let count = 0;
    while (count < limit && this.#queue.length > 0) {
      let part = Math.min(limit - count, room());
      if (this.#urgent !== null) part = Math.min(part, this.#urgent.at - this.#read);
      if (part <= 0) break;
      const chunk = this.#queue.peek(part);
      this.#advance(chunk.length);
      count += chunk.length;
      take(chunk);
    }
    return count;
  }

  /** recv with MSG_OOB: 1, or a negative errno. */
  takeUrgent(into: Uint8Array): number {
    const urgent = this.#urgent;
    if (urgent === null || urgent.taken) return -EINVAL;
    if (into.length > 0) into[0] = urgent.byte;
    urgent.taken = true;
    return Math.min(1, into.length);
  }

  #advance(count: number): void {
    this.#queue.drop(count);
    this.#read += count;
    if (this.#urgent !== null && this.#urgent.at < this.#read) this.#urgent = null;
  }

  #skip(): void {
    this.#advance(1);
  }
}
