/** Pipes for directions that stay busy: lent while there is something to move, so that a few serve many connections. */
import * as abi from "./abi.ts";
import type { Libc, Memory } from "./ffi/libc.ts";

/** Bytes a pipe may hold: several segments' worth per call, and the bound of what a slow reader leaves in the kernel. */
export const PIPE_BYTES = 256 * 1024;
/** Pipes per thread: those busy in the same turn of the loop and those with a slow reader. The rest go through the buffer. */
const MAX_PIPES = 64;

export class PipePool {
  readonly #libc: Libc;
  readonly #ends: Memory;
  readonly #readEnds: number[] = [];
  readonly #writeEnds: number[] = [];
  readonly #free: number[] = [];
  readonly #gone: number[] = [];
  /** The next that would have to be made has failed: not tried again before one was closed. */
  #exhausted = false;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#ends = libc.alloc(8);
  }

  /** The number of an empty pipe, or -1 when there is none to be had. */
  take(): number {
    return this.#free.pop() ?? this.#make();
  }

  readEnd(pipe: number): number {
    return this.#readEnds[pipe]!;
  }

  writeEnd(pipe: number): number {
    return this.#writeEnds[pipe]!;
  }

  /** Takes a pipe back. One that is not empty is closed: what is in it belongs to nobody any more. */
  release(pipe: number, held: number): void {
    if (held === 0) {
      this.#free.push(pipe);
      return;
    }
    this.#libc.close(this.#readEnds[pipe]!);
    this.#libc.close(this.#writeEnds[pipe]!);
    this.#gone.push(pipe);
    this.#exhausted = false;
  }

  #make(): number {
    const pipe = this.#gone.length > 0 ? this.#gone[this.#gone.length - 1]! : this.#readEnds.length;
    if (this.#exhausted || pipe >= MAX_PIPES) return -1;
    if (this.#libc.pipe2(this.#ends.at(0), abi.O_NONBLOCK | abi.O_CLOEXEC) < 0) {
      this.#exhausted = true;
      return -1;
    }
    const view = new DataView(this.#ends.bytes.buffer);
    this.#readEnds[pipe] = view.getInt32(0, true);
    this.#writeEnds[pipe] = view.getInt32(4, true);
    // Refused where the user's pipes hold too much already: then it has the default size, which works as well.
    this.#libc.fcntl(this.#writeEnds[pipe]!, abi.F_SETPIPE_SZ, PIPE_BYTES);
    this.#gone.pop();
    return pipe;
  }
}
