import { EPOLLIN, EPOLLOUT } from "../../../src/engines/linux/sys/abi.ts";
import { File } from "./file.ts";

/** A file of /proc that is opened to read. */
export class TextFile extends File {
  readonly kind = "file";
  #unread: Uint8Array;

  constructor(text: string) {
    super();
    this.#unread = new TextEncoder().encode(text);
  }

  poll(): number {
    return EPOLLIN | EPOLLOUT;
  }

  release(): void {}

  override read(into: Uint8Array): number {
    const count = Math.min(into.length, this.#unread.length);
    into.set(this.#unread.subarray(0, count));
    this.#unread = this.#unread.subarray(count);
    return count;
  }
}
