/**
 * A server in a process of its own, for the tests that end or stop one: `target-program.ts http NAME [PORT]`, `… stream`, or
 * `… full`, whose backlog a few connections fill. Its first line is its port. On SIGTERM it accepts no further connections,
 * answers what is open, and ends.
 */
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";

const [mode, name = "", port = "0"] = process.argv.slice(2);
const BLOCK = Buffer.alloc(64 * 1024, 0x61);
// Requests that are under way when the server is told to stop.
const ANSWER_MS = 20;
// A backlog that a few connections fill, for the tests that stop this process to make connecting to it hang.
const BACKLOG = 1;

const server: Server = mode === "stream" ? streamServer() : httpServer();
server.listen({ port: Number(port), host: "127.0.0.1", ...(mode === "full" && { backlog: BACKLOG }) }, () => {
  console.log((server.address() as AddressInfo).port);
});
process.on("SIGTERM", () => server.close(() => process.exit(0)));

function httpServer(): Server {
  return createHttpServer((_request, response) => {
    response.setHeader("connection", "close");
    setTimeout(() => response.end(name), ANSWER_MS);
  });
}

/** Sends for as long as the client reads. */
function streamServer(): Server {
  return createServer((socket) => {
    const more = (): void => {
      while (socket.writable && socket.write(BLOCK));
    };
    socket.on("drain", more).on("error", () => socket.destroy());
    more();
  });
}
