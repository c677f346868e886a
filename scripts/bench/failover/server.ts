/** A server that answers each byte with one, and keeps its connections for as long as clients want. Argument: its port. */
import { createServer } from "node:net";

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", () => socket.write("!"));
}).listen(Number(process.argv[2]), () => console.log("ready"));
