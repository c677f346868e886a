/**
 * Servers that know how many connections they have: `gauged-program.ts NAME:PORT…`. A client that says "ask" is told the server's name and sent
 * away, and one that says "stay" is told it and stays. Each line of standard input is answered with what is open now, by name, as JSON.
 */
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

const open: Record<string, number> = {};

function serve(name: string, socket: Socket): void {
  let isCounted = false;
  // A balancer's look at a target says nothing.
  socket.on("data", (text) => {
    if (!isCounted) open[name]! += 1;
    isCounted = true;
    if (text.toString().startsWith("ask")) socket.end(`${name}\n`);
    else socket.write(`${name}\n`);
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (isCounted) open[name]! -= 1;
  });
}

const places = process.argv.slice(2).map((text) => text.split(":") as [name: string, port: string]);
for (const [name, port] of places) {
  open[name] = 0;
  await new Promise<void>((listens) => createServer((socket) => serve(name, socket)).listen(Number(port), listens));
}
createInterface({ input: process.stdin }).on("line", () => console.log(JSON.stringify(open)));
console.log(JSON.stringify(open));
