import { EPOLLIN } from "../../../../src/engines/linux/sys/abi.ts";
import type { SocketAddress } from "./addresses.ts";
import type { Endpoint } from "./endpoint.ts";

export interface Incoming {
  readonly endpoint: Endpoint;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** Connections that stand and that nobody has accepted yet. One that is reset meanwhile stays, and is accepted as it is. */
export class ListenQueue {
  backlog: number;
  onWake: (key: number) => void;
  closed = false;
  readonly #waiting: Incoming[] = [];

  constructor(backlog: number, onWake: (key: number) => void) {
    this.backlog = backlog;
    this.onWake = onWake;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Linux takes one more than the backlog says. */
  get full(): boolean {
    return this.#waiting.length > this.backlog;
  }

  push(incoming: Incoming): void {
    this.#waiting.push(incoming);
    this.onWake(EPOLLIN);
  }

  shift(): Incoming | undefined {
    return this.#waiting.shift();
  }

  /** The connections that wait are reset. */
  close(): void {
    this.closed = true;
    this.onWake = () => undefined;
    for (const { endpoint } of this.#waiting.splice(0)) endpoint.abort();
  }
}
