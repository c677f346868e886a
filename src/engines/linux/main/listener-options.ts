/**
 * What an operator has decided about the sockets of a listener, beside what accepted connections always get. What is taken back becomes
 * again what it was before.
 */
import type { ListenSocketOptions } from "../../../net/socket-options.ts";
import * as abi from "../sys/abi.ts";
import { listenOptions, type OptionCalls, optionFailure, type SocketOption } from "../sys/socket-options.ts";

/** Bits of SO_BUF_LOCK. */
const SEND_BUFFER = 1;
const RECEIVE_BUFFER = 2;

export class ListenerOptions {
  readonly #calls: OptionCalls;
  readonly #family: number;
  readonly #before = new Map<string, SocketOption>();
  #wanted: readonly SocketOption[];

  /** To begin with. */
  constructor(calls: OptionCalls, family: number, options: ListenSocketOptions) {
    this.#calls = calls;
    this.#family = family;
    this.#wanted = listenOptions(options, family);
  }

  /** Of a socket that is new. Throws NetError. */
  begin(fd: number, doing: string): void {
    this.#setAll([fd], this.#wanted, doing);
  }

  /** Throws NetError, and then nothing has changed. */
  change(descriptors: readonly number[], options: ListenSocketOptions, doing: string): void {
    const former = this.#wanted;
    const next = listenOptions(options, this.#family);
    try {
      this.#setAll(descriptors, [...this.#backFrom(former, next), ...next], doing);
    } catch (error) {
      const back = [...this.#backFrom(next, former), ...former];
      for (const fd of descriptors) for (const option of back) this.#calls.set(fd, option);
      throw error;
    } finally {
      for (const fd of descriptors) this.#unlock(fd, options);
    }
    this.#wanted = next;
  }

  /** What those were before that are set in `former`, and not in `next`. */
  #backFrom(former: readonly SocketOption[], next: readonly SocketOption[]): SocketOption[] {
    const kept = new Set(next.map(keyOf));
    return former.flatMap((option) => (kept.has(keyOf(option)) ? [] : (this.#before.get(keyOf(option)) ?? [])));
  }

  #setAll(descriptors: readonly number[], options: readonly SocketOption[], doing: string): void {
    for (const fd of descriptors) {
      for (const option of options) {
        if (!this.#before.has(keyOf(option))) this.#before.set(keyOf(option), this.#calls.read(fd, option));
        const errno = this.#calls.set(fd, option);
        if (errno !== 0) throw optionFailure(option, errno, doing);
      }
    }
  }

  /** Buffers whose size is nobody's wish grow by themselves again. Kernels before 5.14 leave them as they are. */
  #unlock(fd: number, { receiveBuffer, sendBuffer }: ListenSocketOptions): void {
    if (!this.#before.has(BUFFERS[0]!) && !this.#before.has(BUFFERS[1]!)) return;
    const value = (sendBuffer ? SEND_BUFFER : 0) | (receiveBuffer ? RECEIVE_BUFFER : 0);
    this.#calls.set(fd, { of: "buffers", level: abi.SOL_SOCKET, name: abi.SO_BUF_LOCK, value });
  }
}

const keyOf = ({ level, name }: Pick<SocketOption, "level" | "name">): string => `${level}/${name}`;
const BUFFERS = [abi.SO_SNDBUF, abi.SO_RCVBUF].map((name) => keyOf({ level: abi.SOL_SOCKET, name }));
