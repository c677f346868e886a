import { connect, createServer, type Server } from "node:net";
import * as tls from "node:tls";
import { LOOPBACK } from "../ports.ts";

/** The first bytes that a TLS client of this runtime sends. */
export async function recordClientHello(): Promise<Buffer> {
  let server: Server | undefined;
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      server = createServer((socket) => void socket.on("error", () => undefined).once("data", resolve));
      server.once("error", reject).listen(0, LOOPBACK, () => {
        const { port } = server!.address() as { port: number };
        const socket = connect(port, LOOPBACK);
        const client = tls.connect({ socket, rejectUnauthorized: false }).on("error", () => undefined);
        server!.once("connection", (peer) => peer.once("data", () => client.destroy()));
      });
    });
  } finally {
    server?.close();
  }
}
