import type { Socket } from "node:net";
import { PreAuthLimit } from "../../util/pre-auth-limit.ts";

/**
 * Sockets whose TLS handshake is under way: limited like all peers that have proved nothing, or they would hold descriptors
 * below whatever the receiver of finished connections can count.
 */
export class Handshakes {
  /** By the peer's address and port: runtimes differ in which socket object stands for a handshake. */
  readonly #limit = new PreAuthLimit<string>();
  readonly #sockets = new Map<string, Socket>();

  /** Where that is one too many, the oldest is dropped. */
  begin(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) {
      socket.destroy(); // reset already
      return;
    }
    const peer = `${remoteAddress} ${remotePort}`;
    const evicted = this.#limit.add(peer, remoteAddress);
    if (evicted !== null) this.#sockets.get(evicted)?.destroy();
    this.#sockets.set(peer, socket);
    socket.once("close", () => {
      if (this.#sockets.get(peer) === socket) this.#forget(peer);
    });
  }

  done(socket: Socket): void {
    this.#forget(`${socket.remoteAddress} ${socket.remotePort}`);
  }

  #forget(peer: string): void {
    this.#limit.delete(peer);
    this.#sockets.delete(peer);
  }
}
