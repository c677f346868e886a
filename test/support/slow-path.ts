/** A way to a server on which everything takes long, in either direction, though nothing is lost. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { LOOPBACK } from "./ports.ts";

export class SlowPath {
  /** ms that each piece is under way; what is sent later does not overtake it. */
  delayMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async to(port: number): Promise<SlowPath> {
    const path = new SlowPath(port);
    path.#server.listen(0, LOOPBACK);
    await once(path.#server, "listening");
    return path;
  }

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, LOOPBACK);
      this.#carry(near, far);
      this.#carry(far, near);
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    let carried = Promise.resolve();
    const later = (what: () => void) => {
      const due = new Promise<void>((resolve) => setTimeout(resolve, this.delayMs));
      carried = carried.then(() => due).then(what);
    };
    from.on("data", (bytes) => later(() => to.write(bytes)));
    from.on("close", () => {
      this.#sockets.delete(from);
      later(() => to.destroy());
    });
    from.on("error", () => undefined); // "close" follows
  }
}
