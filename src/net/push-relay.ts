import type { NetError } from "./net-error.ts";
import type { PushConnection, Sink } from "./push-connection.ts";
import type { Progress, RelayEnd } from "./runtime.ts";

/**
 * The relay of runtimes that push bytes: each chunk goes to the other side from within its own event, without a promise,
 * and a side that takes no more pauses the reading of the other. Settles when both sockets are gone.
 */
class PushRelay implements Sink {
  readonly #a: PushConnection;
  readonly #b: PushConnection;
  readonly #progress: Progress;
  readonly #settle: (end: RelayEnd) => void;
  #first: "a" | "b" | null = null;
  #error: NetError | null = null;
  #open = 2;

  constructor(a: PushConnection, b: PushConnection, progress: Progress, settle: (end: RelayEnd) => void) {
    this.#a = a;
    this.#b = b;
    this.#progress = progress;
    this.#settle = settle;
  }

  onData(from: PushConnection, bytes: Uint8Array): void {
    if (from === this.#a) {
      this.#progress.aToB += bytes.length;
      if (!this.#b.send(bytes)) from.pauseReading();
    } else {
      this.#progress.bToA += bytes.length;
      if (!this.#a.send(bytes)) from.pauseReading();
    }
  }

  onEnd(from: PushConnection): void {
    this.#first ??= from === this.#a ? "a" : "b";
    this.#other(from).finish();
  }

  onDrain(from: PushConnection): void {
    this.#other(from).resumeReading();
  }

  onClose(from: PushConnection, error: NetError | null): void {
    this.#open -= 1;
    if (error !== null && this.#error === null) {
      this.#first ??= from === this.#a ? "a" : "b";
      this.#error = error;
      this.#other(from).abort();
    }
    if (this.#open > 0) return;
    const first = this.#first ?? "a";
    this.#settle(this.#error === null ? { first } : { first, error: this.#error });
  }

  #other(side: PushConnection): PushConnection {
    return side === this.#a ? this.#b : this.#a;
  }
}

/** See `Runtime.relay`. */
export function pushRelay(a: PushConnection, b: PushConnection, progress: Progress): Promise<RelayEnd> {
  return new Promise((resolve) => {
    const relay = new PushRelay(a, b, progress, resolve);
    // Reading starts before attaching: attach() may pause it again, when held bytes already fill the other side.
    a.resumeReading();
    b.resumeReading();
    a.attach(relay);
    b.attach(relay);
  });
}
