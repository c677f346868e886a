/**
 * What a write left over, until there is room again: a buffer per direction, and further ones behind it in the rare case that
 * one does not hold all. Buffers are used again and again. Only the bytes that were put in take memory, and that goes back to
 * the system once nobody has needed it for a while.
 */
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";

/** Buffers that keep their memory while they are free, for the readers that fall behind now and then. */
const KEPT = 8;
/** ms for which a buffer is free before its memory is given back. */
const GIVE_BACK_MS = 1_000;
const NONE = -1;

interface WriteBuffer {
  readonly memory: NativeMemory;
  readonly start: Pointer;
  /** Bytes in it, from its start. */
  length: number;
  /** The buffer with the bytes behind these, or NONE. */
  next: number;
}

export class WriteBufferPool {
  readonly #libc: Libc;
  readonly #bufferBytes: number;
  readonly #buffers: WriteBuffer[] = [];
  /** Numbers of free buffers, those that were used last at the end. */
  readonly #free: number[] = [];
  /** So many of `#free`, from its start, have given their memory back. */
  #givenBack = 0;
  /** The least number of free buffers since memory was last given back: so many have not been needed. */
  #unneeded = 0;
  /** When memory is to be given back; Infinity while there is none to give. */
  giveBackAt = Number.POSITIVE_INFINITY;

  constructor(libc: Libc, bufferBytes: number) {
    this.#libc = libc;
    this.#bufferBytes = bufferBytes;
  }

  /** Copies `bytes`, at most a buffer's worth; returns the buffer's number. */
  keep(bytes: Uint8Array): number {
    const number = this.#take();
    const buffer = this.#buffers[number]!;
    buffer.memory.bytes.set(bytes);
    buffer.length = bytes.length;
    return number;
  }

  /** Takes `count` bytes out of a pipe that has them; returns the number of the first buffer. */
  keepFrom(pipe: number, count: number): number {
    const number = this.#take();
    const buffer = this.#buffers[number]!;
    buffer.length = this.#libc.read(pipe, buffer.start, Math.min(count, this.#bufferBytes));
    if (buffer.length < 0) throw new Error(`reading a pipe failed with errno ${this.#libc.errno[0]}`);
    if (buffer.length < count) buffer.next = this.keepFrom(pipe, count - buffer.length);
    return number;
  }

  start(number: number): Pointer {
    return this.#buffers[number]!.start;
  }

  /** Bytes in this buffer alone. */
  length(number: number): number {
    return this.#buffers[number]!.length;
  }

  /** Drops the first `count` bytes. Returns the buffer that has the next ones, or -1. */
  advance(number: number, count: number, now: number): number {
    const buffer = this.#buffers[number]!;
    if (count === buffer.length) {
      this.#release(number, now);
      return buffer.next;
    }
    buffer.memory.bytes.copyWithin(0, count, buffer.length);
    buffer.length -= count;
    return number;
  }

  /** Drops this buffer and those behind it. */
  drop(number: number, now: number): void {
    for (let each = number; each !== NONE; each = this.#buffers[each]!.next) this.#release(each, now);
  }

  /** Gives back the memory of buffers that nobody has needed since the last time, but for a few. */
  giveBack(now: number): void {
    for (; this.#givenBack < this.#unneeded - KEPT; this.#givenBack++) {
      const { start } = this.#buffers[this.#free[this.#givenBack]!]!;
      this.#libc.madvise(start, this.#bufferBytes, abi.MADV_DONTNEED);
    }
    this.giveBackAt = Number.POSITIVE_INFINITY;
    this.#schedule(now);
  }

  #take(): number {
    const number = this.#free.pop() ?? this.#add();
    const { length } = this.#free;
    if (length < this.#unneeded) this.#unneeded = length;
    if (length < this.#givenBack) this.#givenBack = length;
    this.#buffers[number]!.next = NONE;
    return number;
  }

  #add(): number {
    const memory = this.#libc.pages(this.#bufferBytes);
    return this.#buffers.push({ memory, start: memory.at(0), length: 0, next: NONE }) - 1;
  }

  #release(number: number, now: number): void {
    this.#free.push(number);
    this.#schedule(now);
  }

  #schedule(now: number): void {
    if (this.giveBackAt !== Number.POSITIVE_INFINITY || this.#free.length <= this.#givenBack + KEPT) return;
    this.#unneeded = this.#free.length;
    this.giveBackAt = now + GIVE_BACK_MS;
  }
}
