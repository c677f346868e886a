/**
 * In a network of its own with few local ports: both engines' ways to a target that is down and whose port is one of these. Says
 * what came of each attempt. See self-connect.test.ts.
 */
import { runtime } from "#runtime";
import { linux } from "../../src/engines/linux/main/factory.ts";
import { portable } from "../../src/engines/portable/engine.ts";
import { thisHost } from "./host.ts";
import { Lab, UNAVAILABLE } from "./lab.ts";

const ATTEMPTS = 300;
/** Linux prefers the ports of its range's parity. */
const DOWN = Array.from({ length: 15 }, (_, i) => ({ host: "127.0.0.1", port: 40_000 + 2 * i }));
const counts: Record<string, number> = {};
const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);

for (let i = 0; i < ATTEMPTS; i++) {
  await runtime.connect({ to: DOWN[i % DOWN.length]! }).then(
    (connection) => {
      connection.abort();
      count("runtime: connected");
    },
    (error) => count(`runtime: ${error.code}`),
  );
}
for (const factory of [portable, linux]) {
  if ((await factory.test({ listen: [] })) !== null) continue;
  const lab = new Lab(thisHost(factory), {
    listen: [{ host: "0.0.0.0", port: 3_000 }],
    requeue: DOWN.length - 1,
    threads: 1,
  });
  await lab.start();
  for (const address of DOWN) lab.announce(`down ${address.port}`, address);
  for (let i = 0; i < ATTEMPTS; i++) {
    // An address of its own for each client: a closed connection keeps its pair of ports for a minute.
    const to = { host: `127.0.${1 + (i >> 7)}.${1 + (i & 127)}`, port: 3_000 };
    const answer = await lab.ask(to).catch((error) => error.code);
    count(`${factory.name}: ${answer === UNAVAILABLE ? "unavailable" : JSON.stringify(answer)}`);
  }
  await lab.dispose();
}
console.log(JSON.stringify(counts));
process.exit(0);
