/** Echoes on 127.0.0.1, port of the first argument. At SIGTERM says so on standard output and exits with 23. */
import { createServer } from "node:net";

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
}).listen(Number(process.argv[2]), "127.0.0.1");

process.on("SIGTERM", () => {
  process.stdout.write("got SIGTERM\n");
  process.exit(23);
});
