import { EAGAIN, EINVAL, EPOLLIN, EPOLLOUT } from "../../../src/engines/linux/sys/abi.ts";
import { File } from "./file.ts";

/** 2^64 - 2: the counter does not go beyond. */
const MOST = 0xffff_ffff_ffff_fffen;

/** A counter: written to add, read to take all. */
export class EventFd extends File {
  readonly kind = "eventfd";
  #count: bigint;

  constructor(initial: number, nonBlocking: boolean) {
    super();
    this.#count = BigInt(initial);
    this.nonBlocking = nonBlocking;
  }

  poll(): number {
    return (this.#count > 0n ? EPOLLIN : 0) | (this.#count < MOST ? EPOLLOUT : 0);
  }

  release(): void {}

  override read(into: Uint8Array): number {
    if (into.length < 8) return -EINVAL;
    if (this.#count === 0n) return -EAGAIN;
    viewOf(into).setBigUint64(0, this.#count, true);
    this.#count = 0n;
    this.wake(EPOLLOUT);
    return 8;
  }

  /** Every write wakes, also when the counter was not 0. */
  override write(from: Uint8Array): number {
    if (from.length < 8) return -EINVAL;
    const added = viewOf(from).getBigUint64(0, true);
    if (added > MOST) return -EINVAL;
    if (this.#count + added > MOST) return -EAGAIN;
    this.#count += added;
    this.wake(EPOLLIN);
    return 8;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
