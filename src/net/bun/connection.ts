import { netError, toNetError } from "../net-error.ts";
import { PushConnection } from "../push-connection.ts";

export type BunSocket = Bun.Socket<BunConnection>;

/**
 * A socket of Bun, which is told apart from Node's by four habits: `write()` may take a part only, `drain` also comes
 * unasked, the peer's FIN after our own arrives as `close` without `end`, and a reset that a write meets before a read does
 * makes that write answer -1, and then passes for a FIN.
 */
export class BunConnection extends PushConnection {
  protected readonly socket: BunSocket;
  /** What the kernel has not taken yet, oldest first. Empty in most connections' whole life. */
  #writeBuffer: Uint8Array[] = [];
  /** What follows once the write buffer is empty. */
  #afterFlush: "nothing" | "fin" | "end" = "nothing";
  #writer: { resolve(): void; reject(error: Error): void } | null = null;
  #paused = false;
  /** A write has met a reset. */
  #broken = false;

  /** Connections of this class whose socket exists. */
  static open = 0;

  constructor(socket: BunSocket) {
    super();
    this.socket = socket;
    BunConnection.open += 1;
  }

  get unsent(): number {
    return this.#writeBuffer.reduce((sum, { length }) => sum + length, 0);
  }

  pauseReading(): void {
    if (this.#paused || this.gone) return;
    this.#paused = true;
    this.socket.pause();
  }

  resumeReading(): void {
    if (!this.#paused || this.gone) return;
    this.#paused = false;
    this.socket.resume();
  }

  send(bytes: Uint8Array): boolean {
    if (this.#writeBuffer.length === 0) {
      const taken = this.#write(bytes);
      if (taken === bytes.length) return true;
      this.#writeBuffer.push(taken > 0 ? bytes.subarray(taken) : bytes);
    } else {
      this.#writeBuffer.push(bytes);
    }
    return false;
  }

  protected sendAndWait(bytes: Uint8Array): Promise<void> {
    if (this.#writer !== null) return Promise.reject(netError("EINVAL", "a second write() while one is under way"));
    if (this.send(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#writer = { resolve, reject };
    });
  }

  protected sendFin(): void {
    if (this.ended) this.release();
    else if (this.#writeBuffer.length === 0) this.socket.shutdown();
    else this.#afterFlush = "fin";
  }

  protected release(): void {
    if (this.#writeBuffer.length === 0) this.socket.end();
    else this.#afterFlush = "end";
  }

  protected drop(): void {
    this.socket.terminate();
  }

  /** For the handlers of the adapter, which all sockets share. */
  onData(bytes: Uint8Array): void {
    this.gotData(bytes);
  }

  onEnd(): void {
    // The bytes that no write took are still held, so that onClose() tells of a loss.
    if (this.#broken) this.socket.terminate();
    else this.gotEnd();
  }

  onDrain(): void {
    if (this.#writeBuffer.length === 0) return;
    while (this.#writeBuffer.length > 0) {
      const bytes = this.#writeBuffer[0]!;
      const taken = this.#write(bytes);
      if (taken < bytes.length) {
        if (taken > 0) this.#writeBuffer[0] = bytes.subarray(taken);
        return;
      }
      this.#writeBuffer.shift();
    }
    const writer = this.#writer;
    this.#writer = null;
    writer?.resolve();
    this.gotDrain();
    if (this.#afterFlush === "fin") this.socket.shutdown();
    else if (this.#afterFlush === "end") this.socket.end(); // calls onClose() before it returns
  }

  #write(bytes: Uint8Array): number {
    const taken = this.socket.write(bytes);
    if (taken < 0) this.#broken = true;
    return taken;
  }

  onClose(error: unknown): void {
    if (this.gone) return;
    BunConnection.open -= 1;
    const unsent = this.#writeBuffer.length > 0;
    this.#writeBuffer = [];
    if (error === undefined && this.finished && !unsent) this.gotEnd();
    this.gotClose(error === undefined ? null : toNetError(error, "reading or writing"));
    const writer = this.#writer;
    this.#writer = null;
    writer?.reject(this.refusal() ?? netError("ECONNRESET", "writing"));
  }
}
