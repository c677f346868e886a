/**
 * The server of a host: `server.ts NAME`, on HTTP_PORT. It answers every request with its name after ANSWER_MS, and does what a line of its
 * standard input names instead, from then on: a `Mode`.
 */
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { ANSWER_MS, HTTP_PORT, type Mode, SLOW_TIMES } from "./world.ts";

const name = process.argv[2]!;
let mode: Mode = "well";

const server = createServer((_request, response) => {
  if (mode === "silent") return;
  response.setHeader("connection", "close");
  // What is broken often answers faster than what works.
  if (mode === "errors") response.writeHead(500).end("broken");
  else setTimeout(() => response.end(name), mode === "slow" ? ANSWER_MS * SLOW_TIMES : ANSWER_MS);
});
server.on("connection", (socket) => {
  if (mode === "closes") socket.destroy();
});
server.listen(HTTP_PORT, () => console.log("ready"));
createInterface({ input: process.stdin }).on("line", (line) => {
  mode = line as Mode;
});
