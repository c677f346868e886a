/** TLS over sockets that were TCP before. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { endOf } from "../adapter.ts";
import type { TcpAddress } from "../runtime.ts";
import { NodeConnection, resetSocket } from "./connection.ts";
import { SealedStream } from "./sealed-stream.ts";

/** Deno 2.9.5: a TLSSocket over a socket that it knows reads on while it is paused, loses what it has read, and takes a reset for a FIN. */
const SEALED = process.versions.deno !== undefined;

/** What a TLSSocket is to be made on. Owns the socket. */
export function sealed(socket: Socket): Socket | SealedStream {
  return SEALED ? new SealedStream(socket) : socket;
}

/** What it was made on: no runtime tells that by a documented name. */
export function underlying(socket: TLSSocket): object | null {
  const inside = socket as { _parent?: object; ssl?: { _parentWrap?: { stream?: object } } };
  return (SEALED ? inside.ssl?._parentWrap?.stream : inside._parent) ?? null;
}

/** A listener of errors, where "close" is what is waited for. */
export function ignore(): void {}

/** A reset of it is one of the TCP below, without the "close_notify" that would say that all is said. */
export class TlsConnection extends NodeConnection {
  readonly #tcp: Socket;
  readonly #sealed: SealedStream | null;

  /** Its handshake is done. `under`: of sealed(). */
  constructor(socket: TLSSocket, tcp: Socket, under: Socket | SealedStream) {
    super(socket, false);
    socket.allowHalfOpen = true;
    this.#tcp = tcp;
    this.#sealed = under instanceof SealedStream ? under : null;
    if (this.#sealed === null) return;
    this.#sealed.hold();
    socket.resume();
  }

  /** Not every runtime's TLSSocket knows its ends. */
  override get local(): TcpAddress {
    return endOf(this.#tcp.localAddress, this.#tcp.localPort);
  }

  override get remote(): TcpAddress {
    return endOf(this.#tcp.remoteAddress, this.#tcp.remotePort);
  }

  override pauseReading(): void {
    if (this.#sealed === null) super.pauseReading();
    else this.#sealed.hold();
  }

  override resumeReading(): void {
    if (this.#sealed === null) super.resumeReading();
    else this.#sealed.go();
  }

  /** In a turn of its own: Node 20 crashes where a TLSSocket is destroyed from within the event that its handshake is done. */
  protected override drop(): void {
    setImmediate(() => {
      resetSocket(this.#tcp);
      this.socket.destroy();
    });
  }
}
