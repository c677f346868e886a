import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import type { Connection } from "../net/runtime.ts";
import type { UnavailableSocket } from "./unavailable.ts";

type Done = (error?: Error | null) => void;

/**
 * A client's connection as a Node stream with what users of a net.Socket expect of it, for the function form of
 * `unavailable`. It owns the connection: `destroy()` closes it once our FIN is sent, and before that aborts it.
 */
export class ClientSocket extends Duplex implements UnavailableSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4" | "IPv6";
  readonly localAddress: string;
  readonly localPort: number;
  readonly connecting = false;
  readonly pending = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #connection: Connection;
  #reading = false;
  #idleMs = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.remoteAddress = connection.remote.host;
    this.remotePort = connection.remote.port;
    this.remoteFamily = familyOf(this.remoteAddress);
    this.localAddress = connection.local.host;
    this.localPort = connection.local.port;
  }

  address(): { address: string; family: "IPv4" | "IPv6"; port: number } {
    return { address: this.localAddress, family: familyOf(this.localAddress), port: this.localPort };
  }

  setTimeout(ms: number, onTimeout?: () => void): this {
    this.#idleMs = ms;
    if (onTimeout !== undefined) {
      if (ms === 0) this.removeListener("timeout", onTimeout);
      else this.once("timeout", onTimeout);
    }
    this.#touch();
    return this;
  }

  setNoDelay(_noDelay?: boolean): this {
    return this;
  }

  setKeepAlive(_enable?: boolean, _initialDelay?: number): this {
    return this;
  }

  /** Without effect: the engine ends every such socket in bounded time. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (!this.writableEnded) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#connection.read().then(
      (bytes) => {
        this.#reading = false;
        this.bytesRead += bytes?.length ?? 0;
        this.#touch();
        // A copy: the connection may use its buffer again, and a stream's reader may keep what it got.
        this.push(bytes === null ? null : Buffer.from(bytes));
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#connection.write(chunk).then(() => {
      this.bytesWritten += chunk.length;
      this.#touch();
      done();
    }, done);
  }

  override _final(done: Done): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#idleTimer);
    if (error !== null || !this.writableFinished) {
      this.#connection.abort();
      done(error);
      return;
    }
    this.#connection.close().then(() => done(), done);
  }

  #touch(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleMs > 0 && !this.destroyed) {
      this.#idleTimer = setTimeout(() => this.emit("timeout"), this.#idleMs);
    }
  }
}

function familyOf(host: string): "IPv4" | "IPv6" {
  return host.includes(":") ? "IPv6" : "IPv4";
}
