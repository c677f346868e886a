/**
 * What a short send left over, until there is room again. A block per direction at most, and only while it waits; blocks are
 * used again and again, and only the bytes that were ever put in take memory.
 */
import type { Libc, Memory, Pointer } from "../sys/libc.ts";

interface Block {
  readonly memory: Memory;
  readonly start: Pointer;
}

export class SpillPool {
  readonly #libc: Libc;
  readonly #blockBytes: number;
  readonly #blocks: Block[] = [];
  readonly #free: number[] = [];

  constructor(libc: Libc, blockBytes: number) {
    this.#libc = libc;
    this.#blockBytes = blockBytes;
  }

  /** Keeps `bytes`, at most a block; returns the number of the block. */
  keep(bytes: Uint8Array): number {
    const number = this.#free.pop() ?? this.#add();
    this.#blocks[number]!.memory.bytes.set(bytes);
    return number;
  }

  start(number: number): Pointer {
    return this.#blocks[number]!.start;
  }

  /** Drops the first `sent` of `held` bytes. */
  advance(number: number, sent: number, held: number): void {
    this.#blocks[number]!.memory.bytes.copyWithin(0, sent, held);
  }

  release(number: number): void {
    this.#free.push(number);
  }

  #add(): number {
    const memory = this.#libc.alloc(this.#blockBytes);
    return this.#blocks.push({ memory, start: memory.at(0) }) - 1;
  }
}
