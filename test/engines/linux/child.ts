/** A linux engine in a process of its own, for tests of what a process has once (process.test.ts). Arguments: its limit of descriptors and the targets' ports. */
import { createInterface } from "node:readline";
import { openLibc } from "#ffi";
import { linux } from "../../../src/engines/linux/main/factory.ts";
import { RLIMIT_NOFILE, RLIMIT_SIZE } from "../../../src/engines/linux/sys/abi.ts";
import { Pool } from "../../../src/pool/pool.ts";
import { Front } from "../front.ts";

const [descriptors, ...ports] = process.argv.slice(2);
limitDescriptors(Number(descriptors));
const pool = Pool.create({ name: "child", algorithm: "leastconn", persistent: null, concurrency: -1, queue: 0 });
for (const port of ports) {
  const address = { host: "127.0.0.1", port: Number(port) };
  pool.set({ identity: port, address, weight: 500, maxConnections: 0 }, "up");
}
const warnings: string[] = [];
const engine = linux.create({
  threads: 1,
  onClose: () => {},
  onWarning: (message) => warnings.push(message),
});
const front = new Front(engine, pool, { queueTimeout: 5_000, unavailable: null });
await front.start();
console.log(JSON.stringify({ port: front.addresses[0]!.port }));

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "stop") break;
  if (line === "exit") process.exit(7);
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ active: pool.active, warnings, cpuMs: (user + system) / 1000 }));
}
await engine.close(0);
process.exit(0);

/** Here and not by the shell that starts it: Bun for musl begins by raising both limits to 160 Ki, where it has the right to. */
function limitDescriptors(most: number): void {
  const libc = openLibc()!;
  const limit = libc.alloc(RLIMIT_SIZE);
  new BigUint64Array(limit.bytes.buffer).fill(BigInt(most));
  if (libc.setrlimit(RLIMIT_NOFILE, limit.at(0)) < 0) throw new Error(`setrlimit: errno ${libc.errno[0]}`);
}
