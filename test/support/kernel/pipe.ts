/**
 * A pipe: a ring of slots. write() fills one with a page; splice() leaves in one what lies together in a socket's memory, which
 * may be less than a page or more. Its capacity is counted in slots, so small pieces fill it long before its bytes do.
 */
import {
  EAGAIN,
  EBADF,
  EINVAL,
  EPERM,
  EPIPE,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
} from "../../../src/engines/linux/sys/abi.ts";
import { File } from "./file.ts";
import { EBUSY, PAGE_BYTES } from "./numbers.ts";

/** 16 pages, what pipe2 gives. */
const DEFAULT_SLOTS = 16;
/** Bytes that lie together in a socket's memory at most: SKB_FRAG_PAGE_ORDER. */
const FRAGMENT_BYTES = 32 * 1024;

interface Slot {
  bytes: Uint8Array;
  /** write() may add to it: the page is the pipe's own. */
  open: boolean;
}

export class Pipe {
  readonly slots: Slot[] = [];
  readonly readEnd: PipeEnd;
  readonly writeEnd: PipeEnd;
  capacity = DEFAULT_SLOTS;
  readers = 1;
  writers = 1;
  held = 0;

  constructor(nonBlocking: boolean) {
    this.readEnd = new PipeEnd(this, true, nonBlocking);
    this.writeEnd = new PipeEnd(this, false, nonBlocking);
  }

  /** F_GETPIPE_SZ */
  get bytes(): number {
    return this.capacity * PAGE_BYTES;
  }

  get full(): boolean {
    return this.slots.length >= this.capacity;
  }

  /** Adds bytes that nobody changes any more. */
  accept(bytes: Uint8Array): void {
    const wasEmpty = this.slots.length === 0;
    for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES) {
      if (this.full) throw new Error("a pipe was given more than it has slots for");
      this.slots.push({ bytes: bytes.subarray(at, at + FRAGMENT_BYTES), open: false });
    }
    this.held += bytes.length;
    if (wasEmpty) this.readEnd.wake(EPOLLIN);
  }

  /** Bytes that one splice may bring: a page per free slot, whatever the slots can hold. */
  get spliceLimit(): number {
    return (this.capacity - this.slots.length) * PAGE_BYTES;
  }

  /** Bytes of one piece that `accept` has slots for. */
  get roomForPiece(): number {
    return (this.capacity - this.slots.length) * FRAGMENT_BYTES;
  }

  /** Takes `count` bytes off the front. */
  consume(count: number): void {
    const wasFull = this.full;
    this.held -= count;
    for (let left = count; left > 0; ) {
      const slot = this.slots[0]!;
      if (slot.bytes.length > left) {
        slot.bytes = slot.bytes.subarray(left);
        break;
      }
      left -= slot.bytes.length;
      this.slots.shift();
    }
    if (wasFull && !this.full) this.writeEnd.wake(EPOLLOUT);
  }

  write(from: Uint8Array): number {
    if (this.readers === 0) return -EPIPE;
    const wasEmpty = this.slots.length === 0;
    let written = 0;
    const last = this.slots.at(-1);
    if (last?.open) {
      const part = from.subarray(0, PAGE_BYTES - last.bytes.length);
      last.bytes = concat(last.bytes, part);
      written = part.length;
    }
    // What fits into a page goes in whole or not at all.
    for (; written < from.length && !this.full; written += Math.min(PAGE_BYTES, from.length - written)) {
      this.slots.push({ bytes: from.slice(written, written + PAGE_BYTES), open: true });
    }
    if (written === 0 && from.length > 0) return -EAGAIN;
    this.held += written;
    if (wasEmpty && written > 0) this.readEnd.wake(EPOLLIN);
    return written;
  }

  read(into: Uint8Array): number {
    let count = 0;
    for (const slot of this.slots) {
      const part = slot.bytes.subarray(0, into.length - count);
      into.set(part, count);
      count += part.length;
      if (count === into.length) break;
    }
    if (count === 0 && into.length > 0) return this.writers === 0 ? 0 : -EAGAIN;
    this.consume(count);
    return count;
  }

  /** F_SETPIPE_SZ: rounded up to a power of two of pages. */
  resize(bytes: number, most: number): number {
    if (bytes <= 0) return -EINVAL;
    const slots = 2 ** Math.ceil(Math.log2(Math.max(1, Math.ceil(bytes / PAGE_BYTES))));
    if (slots > this.capacity && slots * PAGE_BYTES > most) return -EPERM;
    if (slots < this.slots.length) return -EBUSY;
    const wasFull = this.full;
    this.capacity = slots;
    if (wasFull && !this.full) this.writeEnd.wake(EPOLLOUT);
    return slots * PAGE_BYTES;
  }
}

export class PipeEnd extends File {
  readonly kind = "pipe";
  readonly pipe: Pipe;
  readonly reads: boolean;

  constructor(pipe: Pipe, reads: boolean, nonBlocking: boolean) {
    super();
    this.pipe = pipe;
    this.reads = reads;
    this.nonBlocking = nonBlocking;
  }

  poll(): number {
    const { pipe } = this;
    if (this.reads) return (pipe.slots.length > 0 ? EPOLLIN : 0) | (pipe.writers === 0 ? EPOLLHUP : 0);
    return (pipe.full ? 0 : EPOLLOUT) | (pipe.readers === 0 ? EPOLLERR : 0);
  }

  release(): void {
    if (this.reads) {
      this.pipe.readers--;
      this.pipe.writeEnd.wake(EPOLLERR | EPOLLOUT);
    } else {
      this.pipe.writers--;
      this.pipe.readEnd.wake(EPOLLHUP | EPOLLIN);
    }
  }

  override read(into: Uint8Array): number {
    return this.reads ? this.pipe.read(into) : -EBADF;
  }

  override write(from: Uint8Array): number {
    return this.reads ? -EBADF : this.pipe.write(from);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
