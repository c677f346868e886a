import type { Socket } from "node:net";
import type { Stranger } from "../../util/fair-places.ts";
import { PreAuthLimit } from "../../util/pre-auth-limit.ts";

/**
 * Sockets whose TLS handshake is under way: they have places like all peers that have proved nothing, or they would hold
 * descriptors below whatever the receiver of finished connections can count.
 */
export class Handshakes {
  readonly #places: PreAuthLimit;
  /** By the peer's address and port: runtimes differ in which socket object stands for a handshake. */
  readonly #strangers = new Map<string, Stranger>();

  constructor(places: PreAuthLimit = new PreAuthLimit()) {
    this.#places = places;
  }

  /** Where that is one too many, another one is dropped. */
  begin(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) {
      socket.destroy(); // reset already
      return;
    }
    const peer = `${remoteAddress} ${remotePort}`;
    const stranger = { abort: () => reset(socket) };
    this.#forget(peer);
    this.#strangers.set(peer, stranger);
    this.#places.add(stranger, remoteAddress);
    socket.once("close", () => {
      if (this.#strangers.get(peer) === stranger) this.#forget(peer);
    });
  }

  done(socket: Socket): void {
    this.#forget(`${socket.remoteAddress} ${socket.remotePort}`);
  }

  #forget(peer: string): void {
    const stranger = this.#strangers.get(peer);
    if (stranger === undefined) return;
    this.#strangers.delete(peer);
    this.#places.delete(stranger);
  }
}

/** A FIN would leave what was sent to the kernel, until the peer acknowledges it, which it may never do. */
function reset(socket: Socket): void {
  if (!socket.destroyed) socket.resetAndDestroy();
}
