import type { NetError } from "./net-error.ts";
import type { PushConnection, Sink } from "./push-connection.ts";
import type { Progress, RelayEnd } from "./runtime.ts";

/**
 * The relay of runtimes that push bytes: each chunk goes to the other side from within its own event, without a promise,
 * and a side that takes no more pauses the reading of the other. Settles when both sockets are gone, or one has failed.
 */
class PushRelay implements Sink {
  readonly #a: PushConnection;
  readonly #b: PushConnection;
  readonly #progress: Progress;
  readonly #settle: (end: RelayEnd) => void;
  #first: "a" | "b" | null = null;
  /** A side has failed; the relay is over. */
  #failed = false;
  #open = 2;

  constructor(a: PushConnection, b: PushConnection, progress: Progress, settle: (end: RelayEnd) => void) {
    this.#a = a;
    this.#b = b;
    this.#progress = progress;
    this.#settle = settle;
  }

  onData(from: PushConnection, bytes: Uint8Array): void {
    if (this.#failed) return;
    if (from === this.#a) {
      this.#progress.aToB += bytes.length;
      if (!this.#b.send(bytes)) from.pauseReading();
    } else {
      this.#progress.bToA += bytes.length;
      if (!this.#a.send(bytes)) from.pauseReading();
    }
  }

  onEnd(from: PushConnection): void {
    if (this.#failed) return;
    this.#first ??= from === this.#a ? "a" : "b";
    this.#other(from).finish();
  }

  onDrain(from: PushConnection): void {
    if (this.#failed) return;
    this.#other(from).resumeReading();
  }

  onClose(from: PushConnection, error: NetError | null): void {
    if (this.#failed) return;
    this.#open -= 1;
    if (error !== null) {
      const side = from === this.#a ? "a" : "b";
      this.#failed = true;
      this.#other(from).pauseReading();
      this.#settle({ first: this.#first ?? side, failure: { side, error } });
    } else if (this.#open === 0) {
      this.#settle({ first: this.#first ?? "a" });
    }
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
