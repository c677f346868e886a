/**
 * What a short send left over, until there is room again. A buffer per direction at most, and only while it waits; buffers are
 * used again and again, and only the bytes that were ever put in take memory.
 */
import type { Libc, NativeMemory, Pointer } from "../sys/libc.ts";

interface WriteBuffer {
  readonly memory: NativeMemory;
  readonly start: Pointer;
}

export class WriteBufferPool {
  readonly #libc: Libc;
  readonly #bufferBytes: number;
  readonly #buffers: WriteBuffer[] = [];
  readonly #free: number[] = [];

  constructor(libc: Libc, bufferBytes: number) {
    this.#libc = libc;
    this.#bufferBytes = bufferBytes;
  }

  /** Copies `bytes`, at most a buffer's worth; returns the buffer's number. */
  keep(bytes: Uint8Array): number {
    const number = this.#free.pop() ?? this.#add();
    this.#buffers[number]!.memory.bytes.set(bytes);
    return number;
  }

  start(number: number): Pointer {
    return this.#buffers[number]!.start;
  }

  /** Drops the first `sent` of `buffered` bytes. */
  advance(number: number, sent: number, buffered: number): void {
    this.#buffers[number]!.memory.bytes.copyWithin(0, sent, buffered);
  }

  release(number: number): void {
    this.#free.push(number);
  }

  #add(): number {
    const memory = this.#libc.alloc(this.#bufferBytes);
    return this.#buffers.push({ memory, start: memory.at(0) }) - 1;
  }
}
