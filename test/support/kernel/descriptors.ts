/** A process's table of descriptors: the lowest free number first, up to a limit. */
import { EMFILE } from "../../../src/engines/linux/sys/abi.ts";
import type { File } from "./file.ts";

export interface Entry {
  readonly file: File;
  closeOnExec: boolean;
}

export class DescriptorTable {
  /** RLIMIT_NOFILE. */
  soft: number;
  hard: number;
  readonly #entries: (Entry | undefined)[] = [];
  /** The lowest number that may be free. */
  #lowest: number;
  readonly #first: number;
  #open = 0;

  /** `first`: numbers below belong to the rest of the process. */
  constructor(first: number, limit: number) {
    this.#first = first;
    this.#lowest = first;
    this.soft = limit;
    this.hard = limit;
  }

  get open(): number {
    return this.#open;
  }

  /** The descriptor, or -EMFILE. The caller keeps the file when there is none. */
  add(file: File, closeOnExec: boolean): number {
    let fd = this.#lowest;
    while (this.#entries[fd] !== undefined) fd++;
    this.#lowest = fd;
    if (fd >= this.soft) return -EMFILE;
    this.#entries[fd] = { file, closeOnExec };
    this.#lowest = fd + 1;
    this.#open++;
    return fd;
  }

  /** Whether `count` more can be opened. */
  hasRoom(count: number): boolean {
    return this.#first + this.#open + count <= this.soft;
  }

  get(fd: number): Entry | undefined {
    return this.#entries[fd];
  }

  file(fd: number): File | undefined {
    return this.#entries[fd]?.file;
  }

  /** Frees the number; what becomes of the file is the caller's part. */
  remove(fd: number): File | undefined {
    const entry = this.#entries[fd];
    if (entry === undefined) return undefined;
    this.#entries[fd] = undefined;
    this.#lowest = Math.min(this.#lowest, fd);
    this.#open--;
    return entry.file;
  }

  /** What is open, for messages about leaks: "7 tcp". */
  list(): string[] {
    return this.#entries.flatMap((entry, fd) => (entry === undefined ? [] : [`${fd} ${entry.file.kind}`]));
  }
}
