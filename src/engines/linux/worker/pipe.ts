/** The pipe that a thread splices through. Between two steps it is empty, so one serves all connections. */
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory } from "../sys/libc.ts";

/**
 * Bytes that it may hold: as much as Linux gives to processes without privileges (fs.pipe-max-size). One bulk stream took 590 ms
 * of processor time per GiB with 64 KiB, 480 with 256 KiB, 320 with this.
 */
export const PIPE_BYTES = 1024 * 1024;

export class Pipe {
  readonly #libc: Libc;
  readonly #made: NativeMemory;
  readonly #madeView: DataView;
  /** Read end and write end, each plus one; 0 while there is none. */
  readonly #ends: Int32Array;

  /** `ends` is shared memory, so that the main thread can close them if this one dies. */
  constructor(libc: Libc, ends: Int32Array) {
    this.#libc = libc;
    this.#ends = ends;
    this.#made = libc.alloc(8);
    this.#madeView = new DataView(this.#made.bytes.buffer);
  }

  /** Makes it unless it is there. False: it cannot be had now. */
  open(): boolean {
    if (this.#ends[0] !== 0) return true;
    if (this.#libc.pipe2(this.#made.at(0), abi.O_NONBLOCK | abi.O_CLOEXEC) < 0) return false;
    this.#ends[0] = this.#madeView.getInt32(0, true) + 1;
    this.#ends[1] = this.#madeView.getInt32(4, true) + 1;
    // Refused where this user's pipes hold too much already: the default size works as well, only slower.
    this.#libc.fcntl(this.writeEnd, abi.F_SETPIPE_SZ, PIPE_BYTES);
    return true;
  }

  get readEnd(): number {
    return this.#ends[0]! - 1;
  }

  get writeEnd(): number {
    return this.#ends[1]! - 1;
  }

  /** With bytes in it that nobody is to get; the next one is made when it is needed. */
  discard(): void {
    closePipe(this.#libc, this.#ends);
  }
}

/** Closes a pipe that may be there. */
export function closePipe(libc: Libc, ends: Int32Array): void {
  for (const word of [0, 1]) {
    const fd = ends[word]! - 1;
    ends[word] = 0;
    if (fd >= 0) libc.close(fd);
  }
}
