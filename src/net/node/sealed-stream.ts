import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * Stands between a socket and a TLSSocket that cannot be paused without losing what comes: it is paused in its place, so that no more
 * is decrypted than somebody takes. Owns the socket.
 */
export class SealedStream extends Duplex {
  readonly #socket: Socket;
  #held = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.pause();
    socket.on("data", (bytes: Uint8Array) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => {
      if (!this.readableEnded) this.destroy();
    });
  }

  /** Nothing more is decrypted until `go()`, but for what has been read already. */
  hold(): void {
    this.#held = true;
    this.#socket.pause();
  }

  go(): void {
    this.#held = false;
    this.#socket.resume();
  }

  override _read(): void {
    if (!this.#held) this.#socket.resume();
  }

  override _write(bytes: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
