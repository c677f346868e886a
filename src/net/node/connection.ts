import type { Socket } from "node:net";
import { type NetError, netError, toNetError } from "../net-error.ts";
import { PushConnection } from "../push-connection.ts";

/** Bytes that wait to be read on a socket that cannot be paused, before it is dropped: far more than any line of the control channel. */
const UNPAUSED_LIMIT = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** The socket's property that holds its connection, so that all sockets share the same listeners instead of having closures each. */
const OWNER: unique symbol = Symbol("connection");
type OwnedSocket = Socket & { [OWNER]: NodeConnection };

/** A net.Socket or TLSSocket, connected, with `allowHalfOpen`. */
export class NodeConnection extends PushConnection {
  protected readonly socket: Socket;
  readonly #plain: boolean;
  readonly #pausable: boolean;
  #failure: Error | null = null;

  /** `plain`: the socket is TCP without TLS, on which resetAndDestroy() works. `pausable`: pause() loses nothing. */
  constructor(socket: Socket, plain: boolean, pausable = true) {
    super();
    this.#pausable = pausable;
    this.socket = socket;
    this.#plain = plain;
    (socket as OwnedSocket)[OWNER] = this;
    if (pausable) socket.pause(); // otherwise the "data" listener starts the flow
    socket.on("data", NodeConnection.#onData);
    socket.on("end", NodeConnection.#onEnd);
    socket.on("drain", NodeConnection.#onDrain);
    socket.on("error", NodeConnection.#onError);
    socket.on("close", NodeConnection.#onClose);
  }

  get unsent(): number {
    return this.gone ? 0 : this.socket.writableLength;
  }

  /**
   * Gives the socket up, paused, with what has been read from it to be read again: whoever looked at a client's first bytes can let
   * TLS have them. null: the peer has ended it, or it is lost.
   */
  detach(): Socket | null {
    if (this.ended || this.gone || this.released || !this.#pausable) return null;
    const { socket } = this;
    socket.pause();
    socket.off("data", NodeConnection.#onData);
    socket.off("end", NodeConnection.#onEnd);
    socket.off("drain", NodeConnection.#onDrain);
    socket.off("error", NodeConnection.#onError);
    socket.off("close", NodeConnection.#onClose);
    for (const bytes of this.takeRead().reverse()) socket.unshift(bytes);
    this.released = true;
    this.gone = true;
    return socket;
  }

  pauseReading(): void {
    if (this.#pausable) this.socket.pause();
    else if (this.buffered > UNPAUSED_LIMIT) this.socket.destroy(netError("ENOBUFS", "holding what is not read"));
  }

  resumeReading(): void {
    this.socket.resume();
  }

  send(bytes: Uint8Array): boolean {
    if (!this.socket.writable) return true; // it is being destroyed: "close" will follow, never "drain"
    // A chunk above the high-water mark answers false even when the kernel took it at once.
    return this.socket.write(bytes) || this.socket.writableLength === 0;
  }

  protected sendAndWait(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      // The callback, not the return value: the kernel has the bytes only then, and until then they must not change.
      this.socket.write(bytes, (error) => {
        // A write that destroy() cut short calls back without an error.
        if (error || this.socket.destroyed) reject(this.refusal() ?? this.#loss());
        else resolve();
      });
    });
  }

  protected sendFin(): void {
    if (this.ended) this.release();
    else if (this.socket.writableLength === 0) this.socket.end();
    else this.#afterFlush(() => this.socket.end());
  }

  protected release(): void {
    // Nothing is left to send: closing sends the FIN, without a shutdown and its round through the event loop.
    if (this.socket.writableLength === 0 && this.#plain) this.socket.destroy();
    else this.#afterFlush(() => this.socket.destroySoon());
  }

  protected drop(): void {
    // A shutdown under way would make the reset fail and leak the descriptor, hence afterFlush(): none starts before the flush.
    if (this.#plain && !this.socket.writableEnded) resetSocket(this.socket);
    else this.socket.destroy();
  }

  /** Why a write failed, before "close" has come. */
  #loss(): NetError {
    return this.#failure === null ? netError("ECONNRESET", "writing") : toNetError(this.#failure, "writing");
  }

  #afterFlush(action: () => void): void {
    this.socket.write(NOTHING, (error) => {
      if (!error) action(); // otherwise "close" reports it
    });
  }

  static readonly #onData = function (this: Socket, bytes: Uint8Array): void {
    (this as OwnedSocket)[OWNER].gotData(bytes);
  };

  static readonly #onEnd = function (this: Socket): void {
    const owner = (this as OwnedSocket)[OWNER];
    if (owner.#plain && !owner.finished && peerIsGone(this)) this.destroy(netError("ECONNRESET", "reading"));
    else owner.gotEnd();
  };

  static readonly #onDrain = function (this: Socket): void {
    (this as OwnedSocket)[OWNER].gotDrain();
  };

  static readonly #onError = function (this: Socket, error: Error): void {
    (this as OwnedSocket)[OWNER].#failure = error;
  };

  static readonly #onClose = function (this: Socket): void {
    const owner = (this as OwnedSocket)[OWNER];
    owner.gotClose(owner.#failure === null ? null : toNetError(owner.#failure, "reading or writing"));
  };
}

/** By a FIN where the runtime (Deno 2.7.11) knows no other way. */
export function resetSocket(socket: Socket): void {
  const known = socket as Partial<Pick<Socket, "resetAndDestroy">>;
  if (known.resetAndDestroy === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Whether the peer has reset the connection. libuv reports a reset that arrives together with the last bytes as a FIN, so
 * that a stream cut short would pass for a complete one; but a socket that was reset has no peer address any more. Only
 * valid before our own FIN; false where the runtime's sockets cannot be asked.
 */
function peerIsGone(socket: Socket): boolean {
  const handle = (socket as { _handle?: { getpeername?: (out: object) => number } })._handle;
  const status = handle?.getpeername?.({});
  return status !== undefined && status !== 0;
}
