/**
 * A balancer on every interface, a server on one loopback address, and a client that is told of no host. Prints a JSON line
 * for each loopback that this machine has: where the server is, how its target is named, where it is dialled, and what a
 * client of the balancer got.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import harmony from "../../src/index.ts";

const KEY = "localhost:a-key-that-only-this-test-uses";

void run();

async function run(): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) await serveAt(host);
  process.exit(0);
}

async function serveAt(host: string): Promise<void> {
  const target = createServer((socket) => socket.end("hello")).listen(0, host);
  await once(target, "listening");
  const { port } = target.address() as { port: number };
  const balancer = harmony.server({ host: "", listenport: 0, adminport: 0, key: KEY });
  const { listen, admin } = await balancer.ready;
  const reporter = harmony.client({ adminport: admin[0]!.port, listenport: port, key: KEY });
  await reporter.ready;
  const { identity, address } = balancer.targets()[0]!;
  const answer = await ask(listen[0]!.port);
  console.log(JSON.stringify({ host, port, identity, address, answer }));
  await reporter.close();
  await balancer.close();
  target.close();
}

async function ask(port: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (part: string) => {
    text += part;
  });
  await once(socket, "close");
  return text;
}
