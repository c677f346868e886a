/**
 * A balancer on every interface, a server on one loopback address, and a client without a host. Prints a JSON line
 * for each loopback that this machine has: where the server is, how its target is named, where it is dialled, and what a
 * client of the balancer got.
 */
import harmony from "../../src/index.ts";
import { exchange, greeter, serve } from "../support/peers.ts";

const KEY = "localhost:a-key-that-only-this-test-uses";

void run();

async function run(): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) await serveAt(host);
  process.exit(0);
}

async function serveAt(host: string): Promise<void> {
  const target = await serve(greeter("hello"), host);
  const { port } = target;
  const balancer = harmony.server({ host: "", listenport: 0, adminport: 0, key: KEY });
  const { listen, admin } = await balancer.ready;
  const reporter = harmony.client({ adminport: admin[0]!.port, listenport: port, key: KEY });
  await reporter.ready;
  const { identity, address } = balancer.targets()[0]!;
  const answer = await exchange(listen[0]!.port, "");
  console.log(JSON.stringify({ host, port, identity, address, answer }));
  await reporter.close();
  await balancer.close();
  await target.close();
}
