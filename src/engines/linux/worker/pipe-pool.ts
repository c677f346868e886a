/** Pipes for directions that stay busy: lent while there is something to move, so that a few serve many connections. */
import * as abi from "../sys/abi.ts";
import type { Libc, NativeMemory } from "../sys/libc.ts";

/**
 * Bytes a pipe may hold, and the bound of what a slow reader leaves in the kernel: as much as Linux gives to processes without
 * privileges (fs.pipe-max-size). One bulk stream took 590 ms of processor time per GiB with 64 KiB, 480 with 256 KiB, 320 with this.
 */
export const PIPE_BYTES = 1024 * 1024;

export class PipePool {
  readonly #libc: Libc;
  readonly #made: NativeMemory;
  readonly #madeView: DataView;
  /** Two words per pipe, each a descriptor plus one or 0: read end, write end. */
  readonly #ends: Int32Array;
  /** Numbers of empty pipes. */
  readonly #idle: number[] = [];
  /** Numbers that have no pipe. */
  readonly #absent: number[] = [];

  /** `ends` bounds the number of pipes. It is shared memory, so that the main thread can close them if this one dies. */
  constructor(libc: Libc, ends: Int32Array) {
    this.#libc = libc;
    this.#ends = ends;
    this.#made = libc.alloc(8);
    this.#madeView = new DataView(this.#made.bytes.buffer);
    for (let pipe = ends.length / 2 - 1; pipe >= 0; pipe--) this.#absent.push(pipe);
  }

  /** The number of an empty pipe, or -1 when none can be had. */
  take(): number {
    return this.#idle.pop() ?? this.#make();
  }

  readEnd(pipe: number): number {
    return this.#ends[2 * pipe]! - 1;
  }

  writeEnd(pipe: number): number {
    return this.#ends[2 * pipe + 1]! - 1;
  }

  /** Takes a pipe back that holds so many bytes. One that is not empty is closed: its connection is over, and nothing else may get them. */
  release(pipe: number, buffered: number): void {
    if (buffered === 0) {
      this.#idle.push(pipe);
      return;
    }
    closePipe(this.#libc, this.#ends, pipe);
    this.#absent.push(pipe);
  }

  #make(): number {
    const pipe = this.#absent.pop();
    if (pipe === undefined) return -1;
    if (this.#libc.pipe2(this.#made.at(0), abi.O_NONBLOCK | abi.O_CLOEXEC) < 0) {
      this.#absent.push(pipe);
      return -1;
    }
    this.#ends[2 * pipe] = this.#madeView.getInt32(0, true) + 1;
    this.#ends[2 * pipe + 1] = this.#madeView.getInt32(4, true) + 1;
    // Refused where this user's pipes hold too much already: the default size works as well, only slower.
    this.#libc.fcntl(this.writeEnd(pipe), abi.F_SETPIPE_SZ, PIPE_BYTES);
    return pipe;
  }
}

/** Closes a pipe that may be there. */
export function closePipe(libc: Libc, ends: Int32Array, pipe: number): void {
  for (const word of [2 * pipe, 2 * pipe + 1]) {
    const fd = ends[word]! - 1;
    ends[word] = 0;
    if (fd >= 0) libc.close(fd);
  }
}
