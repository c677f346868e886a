/** Serves one request through a balancer and a target in this process, closes both, and has to end by itself, silently. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import harmony from "../../../src/index.ts";

void run();

async function run(): Promise<void> {
  const key = "lifetime:a-key-that-only-this-test-uses";
  const target = createServer((socket) => socket.end("hello"));
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const { port: listenport } = target.address() as { port: number };
  // Its wait for a first target must not outlast it either.
  const balancer = harmony.server({ host: "127.0.0.1", listenport: 0, adminport: 0, key, startHold: "1h" });
  const { listen, admin } = await balancer.ready;
  const reporter = harmony.client({ host: "127.0.0.1", adminport: admin[0]!.port, listenport, key });
  await reporter.ready;
  const socket = connect(listen[0]!.port, "127.0.0.1");
  socket.resume();
  await once(socket, "close");
  await reporter.close();
  await balancer.close();
  target.close();
}
